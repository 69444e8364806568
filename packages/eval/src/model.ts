/** The interface of an evaluated model: anything that answers messages. */
import type { Message, RgbImage } from '@casa-js/core'
import { answer, captionDefaults, captionStream, createSampler, type Vlm } from '@casa-js/vlm'

export interface AnswerOptions {
  maxNewTokens?: number
  signal?: AbortSignal | undefined
}

export interface AnswerModel {
  /** Recorded with the results, so that two models' never mix. */
  readonly name: string
  /** The answer to the last message, which is the user's. Greedy, if a benchmark's rules are to hold. */
  answer(messages: Message[], options: AnswerOptions): Promise<string>
  /**
   * What is said while a video plays, for streaming tasks: a line for each frame, '' for silence. Greedy, without a time limit.
   *
   * @param frames [F] pictures in order of time
   */
  watch?(frames: readonly RgbImage[], options: Pick<AnswerOptions, 'signal'>): Promise<string[]>
}

/**
 * A loaded model as an AnswerModel: greedy. It watches as `captionStream` does: request, frame rate and capacity are those of the model's
 * folder.
 *
 * @param options.system put first where a conversation has no system prompt of its own
 */
export function vlmAnswers(vlm: Vlm, options: { name: string; system?: string }): AnswerModel {
  const { name, system } = options
  return {
    name,
    answer(messages, { maxNewTokens, signal }) {
      const first: Message[] =
        system && messages[0]?.role !== 'system' ? [{ role: 'system', content: [{ type: 'text', text: system }] }] : []
      return answer(vlm, [...first, ...messages], { maxNewTokens, signal })
    },
    async watch(frames, { signal }) {
      const { framesPerSecond = 2 } = captionDefaults(vlm)
      const video = frames.map((image, index) => ({ image, timeMs: (index * 1000) / framesPerSecond }))
      const sampler = createSampler({ temperature: 0, stopTokens: vlm.stopIds })
      const said: string[] = []
      for await (const { text } of captionStream(vlm, video, { system, budgetMs: Infinity, sampler, signal }))
        said.push(text.trim().replace(/\s+/g, ' '))
      return said
    },
  }
}
