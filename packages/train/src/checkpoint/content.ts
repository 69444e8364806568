/** The contents of a checkpoint, and the interface of a checkpoint store. */
import type { Params } from '@casa-js/core'
import type { Adamw } from '../optimizer.ts'
import type { Collective } from '../parallel/collective.ts'
import type { DataFacts } from '../program.ts'

/** Settings that determine a run's results. */
export interface RunConfig {
  /** Must match on resume: the model, the data, and how the data is split. */
  fixed: Record<string, unknown>
  /** May be changed on resume, such as learning rates: the run continues, but with different results. */
  tunable: Record<string, unknown>
}

/**
 * Everything that the next update depends on. There is no random generator state: all randomness in a run follows from
 * its seed, the shard and the position.
 */
export interface CheckpointContent {
  /** Updates done. */
  step: number
  /** Position of each shard of the data. */
  positions: number[][]
  config: RunConfig
  data?: DataFacts | undefined
  /** Those that train; frozen ones are where the run took them from. */
  params: Params
  optimizer: Adamw
}

/** Metadata of a checkpoint, without its tensors. */
export type Restored = Pick<CheckpointContent, 'step' | 'positions' | 'data'>

export interface CheckpointStore {
  /**
   * Writes a checkpoint; it appears whole or not at all. All ranks call it: each writes the moments that its optimiser holds, rank 0 the rest.
   * @param collective the ranks of the run; one by default
   * @returns its folder, which rank 0 may rely on
   */
  write(content: CheckpointContent, collective?: Collective): Promise<string>
  /**
   * Copies a checkpoint into weights that train and the moments of the optimiser's parts, in place, however many ranks wrote it.
   * @throws CheckpointError if it is damaged or belongs to another model.
   */
  restore(folder: string, params: Params, optimizer: Adamw): Promise<Restored>
  /** Writes the model in the format that users load. */
  saveModel(save: (folder: string) => Promise<void>): Promise<void>
}
