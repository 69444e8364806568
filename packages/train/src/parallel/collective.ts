/**
 * Communication between the ranks of a data-parallel run. Every rank calls the same methods in the same order.
 *
 * An update is a reduce-scatter and an all-gather, which together are an all-reduce: every rank receives the summed gradients of its range
 * of the weights (parts.ts), updates these, and hands them to all. Sums are taken in one order, so runs with the same number of ranks
 * are bit-identical.
 */
import type { Tensor } from '@casa-js/tensor'

export interface Collective {
  readonly rank: number
  readonly ranks: number
  /** Begins the sum of one update's gradients over all ranks. */
  sum(weights: readonly Tensor[]): GradientSum
  /** After each rank has updated its range of these weights: copies every range to all ranks. */
  share(weights: readonly Tensor[]): Promise<void>
  /** Overwrites these tensors, float32 of any shapes, with those of rank 0, so that all start from the same values. */
  broadcast(tensors: readonly Tensor[]): Promise<void>
  /** Every rank's numbers, by rank; the same on all ranks (all-gather). No rank gets them before all have come here (barrier). */
  gather(numbers: number[]): Promise<number[][]>
}

/** The sum of one update's gradients, fed while the backward pass runs. */
export interface GradientSum {
  /** Takes over the gradient of a weight, complete on this rank. To be called once for each weight. */
  add(weight: number, gradient: Tensor): void
  /** The sums over ranks of this rank's parts of the weights (partsOf), which the caller disposes. */
  finish(): Promise<Tensor[]>
  /** Frees what was added, when `finish` will not be called. */
  cancel(): void
}

/** A run of one rank. */
export const solo: Collective = {
  rank: 0,
  ranks: 1,
  sum() {
    const gradients: Tensor[] = []
    return {
      add: (weight, gradient) => void (gradients[weight] = gradient),
      finish: async () => gradients,
      cancel: () => gradients.forEach((gradient) => gradient.dispose()),
    }
  },
  share: async () => {},
  broadcast: async () => {},
  gather: async (numbers) => [numbers],
}
