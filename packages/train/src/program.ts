/**
 * What can be trained: the seam between the loop and a model with its data.
 *
 * A data-parallel run builds the same program once in every worker, so a program comes from a module (see ProgramModule), never
 * from a closure. Everything random in it must follow from its options, the shard and the position: that is what makes a run
 * continue bit for bit.
 */
import type { Params } from '@casa-js/core'
import type { DeviceReport, Tensor } from '@casa-js/tensor'

/** One micro-batch and what the loop has to know about it. */
export interface TrainingBatch<B = unknown> {
  batch: B
  /** Ids of its examples, for error messages. */
  examples: string[]
  /** Text tokens. */
  tokens: number
  /** Sum of the loss's weights: `loss` is a mean over so many tokens. */
  counted: number
}

/** An endless stream of micro-batches that can be left and taken up again. */
export interface BatchStream<B = unknown> {
  /** @param step the update that the batch is for, counted from 0: a curriculum may look at it. */
  next(step: number): Promise<TrainingBatch<B>>
  /** Where the next batch starts: a few integers, always the same number of them. */
  position(): number[]
  seek(position: number[]): void
}

/** One held-out example and what became of it. */
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

/** Which part of some work is ours: rank of ranks. */
export interface Share {
  rank: number
  ranks: number
}

/** How many held-out examples have been answered, of so many. */
export type TellAnswered = (answered: number, total: number) => void

export interface Program<B = unknown> {
  /** The weights. The loop writes into these tensors, in place. */
  params: Params
  /** Mean loss over the batch's counted tokens, a scalar on the tape. */
  loss(batch: B): Tensor
  /** Micro-batches of one shard of the data. */
  stream(shard: number, shards: number): BatchStream<B> | Promise<BatchStream<B>>
  /** This rank's part of the held-out examples. `tell` may be called on the way, where it takes long. */
  evaluate?(share: Share, step: number, tell: TellAnswered): Promise<Evaluation>
  /** Write the model as users load it. Called by rank 0 alone. */
  save?(folder: string): Promise<void>
  close?(): Promise<void>
}

export interface ProgramContext {
  device: DeviceReport
  /** Tell the user of something that does not stop the run. */
  warn(message: string): void
}

/** What a program module exports. `options` went through structured clone. */
export interface ProgramModule<O = unknown> {
  createProgram(options: O, context: ProgramContext): Program<any> | Promise<Program<any>>
}
