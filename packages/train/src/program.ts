/**
 * What can be trained: the interface between the training loop and a model with its data.
 *
 * A data-parallel run builds the same program once in every worker, so a program comes from a module (see ProgramModule), never
 * from a closure. Everything random in it must follow from its options, the shard and the position: that is what makes a run
 * continue bit for bit.
 */
import type { Params } from '@casa-js/core'
import type { FeatureCacheStats } from '@casa-js/data'
import type { BatchStream } from '@casa-js/data/packing'
import type { DeviceReport, Tensor } from '@casa-js/tensor'

/** Description of the data stored in a checkpoint, so that a change between resumes gives a warning. */
export interface DataFacts {
  name: string
  /** null for an endless generator. */
  length: number | null
  fingerprint?: string
}

/** One held-out example and the model's answer. */
export interface HeldOut {
  id: string
  task: string
  correct: boolean
  question?: string
  expected?: string
  predicted?: string
  /** The pictures, PNG bytes. Given for the few that a report shows. */
  pictures?: Uint8Array[] | undefined
}

export interface Evaluation {
  /** Sum of losses over counted tokens, and how many there were. */
  lossSum: number
  counted: number
  examples: HeldOut[]
}

/** This rank's share of the work. */
export interface Share {
  rank: number
  ranks: number
}

/** Reports progress: how many of how many held-out examples have been answered. */
export type ReportAnswered = (answered: number, total: number) => void

export interface Program<B = unknown> {
  /** The weights. The loop writes into these tensors, in place. */
  params: Params
  /** Mean loss over the batch's counted tokens, a scalar on the tape. */
  loss(batch: B): Tensor
  /** Micro-batches of one shard of the data. */
  stream(shard: number, shards: number): BatchStream<B> | Promise<BatchStream<B>>
  /** The data that `stream` reads. */
  data?: DataFacts
  /** How often image features were found in a cache, where the program has one. */
  features?(): FeatureCacheStats
  /** Answers this rank's part of the held-out examples. `onAnswered` may be called as it goes. */
  evaluate?(share: Share, step: number, onAnswered: ReportAnswered): Promise<Evaluation>
  /** Writes the model in the format that users load. Called by rank 0 alone. */
  save?(folder: string): Promise<void>
  close?(): Promise<void>
}

export interface ProgramContext {
  device: DeviceReport
  /** Reports a problem that does not stop the run. */
  warn(message: string): void
}

/** What a program module exports. `options` went through structured clone. */
export interface ProgramModule<O = unknown, B = unknown> {
  createProgram(options: O, context: ProgramContext): Program<B> | Promise<Program<B>>
}
