/** What flows from a conversation to a batch: messages -> encoded sample -> packed batch. */
import type { Layout } from './fusion.ts'
import type { Patches, RgbImage } from './vision.ts'

export type ContentPart = { type: 'text'; text: string } | { type: 'image'; image: RgbImage }

export interface Message {
  role: 'system' | 'user' | 'assistant'
  content: ContentPart[]
}

export interface Tokenizer {
  readonly vocabulary: number
  /** Special tokens written in the text are recognised; nothing is added around it. */
  encode(text: string): Int32Array
  decode(ids: ArrayLike<number>, options?: { skipSpecial?: boolean }): string
  /** Id of a token by its exact text, or undefined. */
  idOf(token: string): number | undefined
}

/** One conversation as token ids, with images standing between tokens. An image takes no token of its own. */
export interface EncodedSample {
  ids: Int32Array
  /** In order of appearance; `before` is the index of the token that the image stands before (0..ids.length). */
  images: { before: number; image: RgbImage }[]
  /** 1 where the token belongs to an assistant's answer (its end-of-turn token included): only these are trained on. */
  answer: Uint8Array
}

/** Several samples in one stream, ready for a model. */
export interface PackedBatch {
  /** [T] */
  ids: Int32Array
  layout: Layout
  /** In the order of layout.images. */
  patches: Patches[]
  /** [T] id of the next token of the same sample; 0 where there is none. */
  targets: Int32Array
  /** [T] weight of predicting targets[t]: 1 where the target is an answer token, else 0. */
  weights: Float32Array
}

/** One question with its pictures and answer, as datasets hold it. */
export interface Example {
  id: string
  /** Name of the task, by which accuracy is reported, e.g. "word", "emoji", "second-image". */
  task: string
  messages: Message[]
}

/** Examples by index. Deterministic: the same index gives the same example, whatever was asked before. */
export interface Dataset {
  readonly name: string
  /** Infinity for a generator. */
  readonly length: number
  get(index: number): Promise<Example>
  close?(): Promise<void>
}
