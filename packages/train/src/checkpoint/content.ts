/** What a checkpoint holds, and what keeps checkpoints. */
import type { Params } from '@casa-js/core'
import type { Adamw } from '../optimizer.ts'
import type { DataFacts } from '../program.ts'

/** What a run's numbers depend on. */
export interface RunConfig {
  /** What a checkpoint means nothing without: the model, the data, how it is dealt. */
  fixed: Record<string, unknown>
  /** What may be changed on the way, such as rates: the run goes on, but not as it would have. */
  tunable: Record<string, unknown>
}

/**
 * Everything that the next update depends on. There is no state of random generators: all that is random in a run follows from
 * its seed, the shard and the position.
 */
export interface CheckpointContent {
  /** Updates done. */
  step: number
  /** Where each shard of the data goes on. */
  positions: number[][]
  config: RunConfig
  data?: DataFacts | undefined
  params: Params
  optimizer: Adamw
}

/** What a checkpoint says beside its tensors. */
export type Restored = Pick<CheckpointContent, 'step' | 'positions' | 'data'>

export interface CheckpointStore {
  /** Writes a checkpoint; it appears whole or not at all. Returns its folder. */
  write(content: CheckpointContent): Promise<string>
  /**
   * Copies a checkpoint into weights and moments, in place.
   * @throws CheckpointError if it is damaged or belongs to another model.
   */
  restore(folder: string, params: Params, optimizer: Adamw): Promise<Restored>
  /** Has the model written as users load it. */
  saveModel(save: (folder: string) => Promise<void>): Promise<void>
}
