/** A task: examples, how each becomes a prompt, and how answers are scored. */
import type { Dataset, Example, Message, RgbImage } from '@casa-js/core'
import { CasaError } from '@casa-js/base'
import type { Metric } from './metrics/index.ts'

/** E: what the dataset's rows hold; R: what an answer is compared with. */
export interface TaskDefinition<R, E extends Example = Example> {
  name: string
  dataset: Omit<Dataset, 'get'> & { get(index: number): Promise<E> }
  /** What the model reads. The example's messages without the last answer, unless given. */
  prompt?(example: E): Message[]
  /** What its answer is compared with. The text of the example's last answer, unless given. */
  reference?(example: E): R
  /** Applied to an answer before it is scored, e.g. to drop a full stop. */
  clean?(prediction: string): string
  metric: Metric<R>
  /**
   * 'answer': the model reads the prompt once and answers it. 'stream': it watches the prompt's pictures one after another, as frames of
   * a video, and its answer has a line for each, empty for silence. Default 'answer'.
   */
  mode?: 'answer' | 'stream'
  /** Longest answer in tokens; default 128. Not of streams. */
  maxNewTokens?: number
}

export type Task<R = unknown, E extends Example = Example> = Required<TaskDefinition<R, E>>

/** A task whose reference is the text of the last message. Its defaults are filled in: the prompt is everything before that message. */
export function defineTask<E extends Example = Example>(
  definition: TaskDefinition<string, E> & { reference?: undefined },
): Task<string, E>
/** A task with a reference of its own, filled in with defaults: the prompt is everything before the last message. */
export function defineTask<R, E extends Example = Example>(
  definition: TaskDefinition<R, E> & { reference(example: E): R },
): Task<R, E>
export function defineTask<R, E extends Example>(definition: TaskDefinition<R, E>): Task<R, E> {
  return {
    prompt: (example) => example.messages.slice(0, lastAnswer(example)),
    reference: (example) => textOf(example.messages[lastAnswer(example)]) as R,
    clean: (prediction) => prediction,
    mode: 'answer',
    maxNewTokens: 128,
    ...definition,
  }
}

/** Index of the message that ends an example: the answer that is asked for. */
function lastAnswer({ id, messages }: Example): number {
  if (messages.at(-1)?.role === 'assistant') return messages.length - 1
  throw new CasaError(`example ${id}: expected the right answer as the last message; give the task a prompt and a reference`)
}

/** The texts of a message, one after another. */
export function textOf(message: Message | undefined): string {
  return (message?.content ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('')
}

/** The pictures of a conversation, in order. */
export function picturesOf(messages: readonly Message[]): RgbImage[] {
  return messages.flatMap((message) => message.content.flatMap((part) => (part.type === 'image' ? [part.image] : [])))
}

/** The same conversation without its pictures: the input of the no-image baseline. */
export function withoutPictures(messages: readonly Message[]): Message[] {
  return messages.map((message) => ({ ...message, content: message.content.filter((part) => part.type === 'text') }))
}

/** Grey frames of the same sizes: what a stream shows in the no-image baseline. */
export function greyFrames(frames: readonly RgbImage[]): RgbImage[] {
  return frames.map(({ widthPx, heightPx, data }) => ({ widthPx, heightPx, data: new Uint8Array(data.length).fill(128) }))
}
