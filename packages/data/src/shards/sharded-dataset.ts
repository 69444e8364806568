/** A Dataset over pieces of consecutive examples: its order is that of order.ts, and its parts are contiguous. */
import { ArgumentError, CasaError } from '@casa-js/base'
import type { Dataset, Example } from '@casa-js/core'
import { countExamples, lastAtMost, partOf, shardOrder, startsOf, type Piece } from './order.ts'

export interface ShardedOptions {
  name: string
  fingerprint: string
  /** All examples, in the order of their indexes. */
  pieces: readonly Piece[]
  /** Examples that are shuffled among one another. */
  buffer: number
  /** The example at an index of a piece. */
  read(index: number): Promise<Example>
  close(): Promise<void>
}

/** A dataset that says in which order it is best read. */
export interface ShardedDataset extends Dataset {
  readonly fingerprint: string
  order(seed: number, epoch: number): (position: number) => number
  part(part: number, parts: number): ShardedDataset
  close(): Promise<void>
}

/** Indexes of a part start at 0, like those of the whole. */
export function shardedDataset(options: ShardedOptions): ShardedDataset {
  const { name, fingerprint, pieces, buffer, read, close } = options
  const length = countExamples(pieces)
  const starts = startsOf(pieces)
  const own = pieces.map(({ count }, piece) => ({ start: starts[piece]!, count }))
  return {
    name,
    fingerprint,
    length,
    async get(index) {
      if (!Number.isSafeInteger(index) || index < 0 || index >= length)
        throw new ArgumentError(`${name}: index ${index} is outside 0..${length - 1}`)
      const piece = lastAtMost(starts, index)
      return read(pieces[piece]!.start + index - starts[piece]!)
    },
    order: (seed, epoch) => shardOrder(own, { seed, epoch, buffer }),
    part(part, parts) {
      const taken = partOf(pieces, part, parts)
      if (taken.length === 0)
        throw new CasaError(`dataset ${name}: ${length} examples cannot be dealt to ${parts} micro-batches: lower batch.perStep`)
      return shardedDataset({ ...options, pieces: taken })
    },
    close,
  }
}
