/** The types between a conversation and a batch: messages -> encoded sample (both in @casa-js/base) -> packed batch. */
import type { Message } from '@casa-js/base'
import type { Layout } from './fusion.ts'
import type { Patches } from './vision.ts'

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

/** Examples by index. Deterministic: the same index always gives the same example. */
export interface Dataset {
  readonly name: string
  /** Changes when the examples change, e.g. a hash of the file. Without it, data sets are told apart by name and length only. */
  readonly fingerprint?: string
  /** Infinity for a generator. */
  readonly length: number
  get(index: number): Promise<Example>
  /**
   * The order in which an epoch is best read, for data that lies in shards: position in the epoch -> index. Each index comes once, and
   * seed and epoch decide all. Without it, examples are drawn in any order.
   */
  order?(seed: number, epoch: number): (position: number) => number
  /** One of several equal parts, a dataset of its own. Without it, a part is every `parts`-th example. */
  part?(part: number, parts: number): Dataset
  close?(): Promise<void>
}
