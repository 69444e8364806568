/**
 * The collective of ranks that MPI connects.
 *
 * Gradients are summed in buckets while the backward pass still runs: a bucket starts once all its gradients are there, and goes on
 * whenever the pass hands over another one. All ranks must start collectives in one order, so buckets start in the order in which they
 * became complete on rank 0 in the first update.
 *
 *     weights     [  a  |     b      |  c  |   d   ]
 *     ranges      [    0     |    1    |    2      ]      a rank has the sums of its range
 *     buckets     [ . . | .  | . . | . | . . |  .  ]      a bucket lies in one range and is reduced to its rank
 *
 * How a bucket's sum is taken depends on the library, but for one number of ranks it is always the same: updates are bit-identical.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { ArgumentError } from '@casa-js/base'
import { dispose, tensor, type Tensor } from '@casa-js/tensor'
import { readInto } from '@casa-js/tensor/internal'
import type { Collective } from '../collective.ts'
import { partTensors, readRange, writeRange, writeValues } from '../flat.ts'
import { offsetsOf, rangeOf, type Range } from '../parts.ts'
import type { Mpi, Request } from './library.node.ts'

/** Values of a bucket, 4 MB: large enough for full bandwidth, small enough that the first is full early in the backward pass. */
const BUCKET = 1 << 20
/** How long a wait polls in every turn of the event loop before it starts to sleep between polls. */
const BUSY_MS = 4
const NAP_MS = 1
/** Values of one broadcast. */
const BROADCAST = 1 << 26

export interface MpiCollective extends Collective {
  /** Every rank's bytes, by rank. */
  exchange(bytes: Uint8Array): Promise<Uint8Array[]>
  /** Milliseconds that this rank has waited for sums and updated weights, beyond its own work. */
  readonly waitedMs: number
}

/**
 * @param checkFailure throws if another rank failed or is gone; called while waiting
 * @param bucketSize values of a bucket, at most
 */
export function createMpiCollective(mpi: Mpi, checkFailure: () => void, bucketSize = BUCKET): MpiCollective {
  const { rank, ranks } = mpi
  let vector = new Float32Array(0)
  /** The order in which buckets start, once known. */
  let order: number[] | undefined
  let waitedMs = 0

  async function settle(requests: readonly Request[]): Promise<void> {
    const begin = performance.now()
    for (;;) {
      // All are tested each time: every test lets the library work on every transfer.
      if (requests.map((request) => mpi.test(request)).every(Boolean)) break
      checkFailure()
      await (performance.now() - begin < BUSY_MS ? nextTurn() : sleep(NAP_MS))
    }
    waitedMs += performance.now() - begin
  }

  /** Every rank's block of `length` values, one after another. */
  async function gatherBlocks<T extends Float64Array | Uint8Array>(all: T, lengths: readonly number[]): Promise<T> {
    const offsets = offsetsOf(lengths)
    await settle([mpi.allGather(all, lengths, offsets.slice(0, -1))])
    return all
  }

  async function gatherLengths(length: number): Promise<number[]> {
    const all = new Float64Array(ranks)
    all[rank] = length
    return [
      ...(await gatherBlocks(
        all,
        Array.from({ length: ranks }, () => 1),
      )),
    ]
  }

  async function gather(values: readonly number[]): Promise<number[][]> {
    const lengths = await gatherLengths(values.length)
    const offsets = offsetsOf(lengths)
    const all = new Float64Array(offsets.at(-1)!)
    all.set(values, offsets[rank])
    await gatherBlocks(all, lengths)
    return lengths.map((length, of) => [...all.subarray(offsets[of], offsets[of]! + length)])
  }

  /** Memory for all weights, used for gradients, then for updated weights. */
  function vectorOf(weights: readonly Tensor[]): Float32Array {
    const total = weights.reduce((sum, { size }) => sum + size, 0)
    if (total >= 2 ** 31) throw new ArgumentError(`${total} trained values: MPI counts to ${2 ** 31 - 1}; freeze some weights`)
    if (vector.length !== total) {
      vector = new Float32Array(total)
      order = undefined
    }
    return vector
  }

  return {
    rank,
    ranks,
    get waitedMs() {
      return waitedMs
    },

    gather,

    async exchange(bytes) {
      const lengths = await gatherLengths(bytes.length)
      const offsets = offsetsOf(lengths)
      const all = new Uint8Array(offsets.at(-1)!)
      all.set(bytes, offsets[rank])
      await gatherBlocks(all, lengths)
      return lengths.map((length, of) => all.slice(offsets[of], offsets[of]! + length))
    },

    sum(weights) {
      const values = vectorOf(weights)
      const offsets = offsetsOf(weights.map(({ size }) => size))
      const buckets = bucketsOf(values.length, ranks, bucketSize)
      /** Values that each bucket still waits for. */
      const missing = buckets.map(({ begin, end }) => end - begin)
      const completed: number[] = []
      const starting = order ?? buckets.map((_, i) => buckets.length - 1 - i)
      const requests: Request[] = []
      const reads: Promise<void>[] = []

      function startComplete(): void {
        for (let next = starting[requests.length]; next !== undefined && missing[next] === 0; next = starting[requests.length]) {
          const { begin, end, root } = buckets[next]!
          requests.push(mpi.reduce(values.subarray(begin, end), root))
        }
      }
      function complete(weight: number): void {
        const [begin, end] = [offsets[weight]!, offsets[weight + 1]!]
        for (let i = bucketAt(buckets, begin); i < buckets.length && buckets[i]!.begin < end; i++) {
          missing[i]! -= Math.min(end, buckets[i]!.end) - Math.max(begin, buckets[i]!.begin)
          if (missing[i] === 0) completed.push(i)
        }
        startComplete()
        for (const request of requests) mpi.test(request)
      }

      return {
        add(weight, gradient) {
          const reading = readInto(gradient, values.subarray(offsets[weight], offsets[weight + 1]))
          const take = () => {
            dispose(gradient)
            if (offsets[weight]! < offsets[weight + 1]!) complete(weight)
          }
          if (reading) reads.push(reading.then(take))
          else take()
        },
        async finish() {
          await Promise.all(reads)
          startComplete()
          await settle(requests)
          order ??= (await gather(rank === 0 ? completed : []))[0]!
          return partTensors(weights, rangeOf(values.length, rank, ranks), values)
        },
        cancel() {},
      }
    },

    async share(weights) {
      const values = vectorOf(weights)
      const ranges = Array.from({ length: ranks }, (_, of) => rangeOf(values.length, of, ranks))
      await readRange(weights, ranges[rank]!, values)
      const counts = ranges.map(({ begin, end }) => end - begin)
      const begins = ranges.map(({ begin }) => begin)
      await settle([mpi.allGather(values, counts, begins)])
      ranges.forEach((range, of) => of !== rank && writeRange(weights, range, values))
    },

    async broadcast(tensors) {
      for (const target of tensors) {
        const values = new Float32Array(target.size)
        if (rank === 0) await readInto(target, values)
        const requests: Request[] = []
        for (let at = 0; at < values.length; at += BROADCAST) requests.push(mpi.broadcast(values.subarray(at, at + BROADCAST), 0))
        await settle(requests)
        if (rank === 0) continue
        const received = tensor(values, [values.length])
        writeValues(target, received, 0)
        dispose(received)
      }
    },
  }
}

/** A piece of the weights that is reduced to one rank in one go. */
export interface Bucket extends Range {
  root: number
}

/** Cuts every rank's range into pieces of nearly equal size. */
export function bucketsOf(total: number, ranks: number, size: number): Bucket[] {
  return Array.from({ length: ranks }, (_, root) => root).flatMap((root) => {
    const { begin, end } = rangeOf(total, root, ranks)
    const count = Math.ceil((end - begin) / size)
    return Array.from({ length: count }, (_, i) => {
      const piece = rangeOf(end - begin, i, count)
      return { root, begin: begin + piece.begin, end: begin + piece.end }
    })
  })
}

/** Index of the bucket that holds a value. */
function bucketAt(buckets: readonly Bucket[], value: number): number {
  let [low, high] = [0, buckets.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (buckets[middle]!.end <= value) low = middle + 1
    else high = middle
  }
  return low
}
