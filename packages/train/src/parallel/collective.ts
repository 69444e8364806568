/**
 * Communication between the ranks of a data-parallel run. Every rank calls the same methods in the same order.
 *
 * Sums are taken in rank order, so runs with the same number of ranks are bit-identical.
 */
import type { Tensor } from '@casa-js/tensor'

export interface Collective {
  readonly rank: number
  readonly ranks: number
  /** Sums over ranks. Takes ownership of `gradients` and returns tensors that the caller disposes. */
  sum(gradients: Tensor[]): Promise<Tensor[]>
  /** Every rank's numbers, by rank; the same on all ranks (all-gather). */
  gather(numbers: number[]): Promise<number[][]>
}

/** A run of one rank. */
export const solo: Collective = {
  rank: 0,
  ranks: 1,
  sum: async (gradients) => gradients,
  gather: async (numbers) => [numbers],
}
