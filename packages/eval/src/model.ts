/** The interface of an evaluated model: anything that answers messages. */
import type { Message } from '@casa-js/core'
import { answer, type Vlm } from '@casa-js/vlm'

export interface AnswerOptions {
  maxNewTokens?: number
  signal?: AbortSignal | undefined
}

export interface AnswerModel {
  /** Recorded with the results, so that two models' never mix. */
  readonly name: string
  /** The answer to the last message, which is the user's. Greedy, if a benchmark's rules are to hold. */
  answer(messages: Message[], options: AnswerOptions): Promise<string>
}

/**
 * A loaded model as an AnswerModel: greedy.
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
  }
}
