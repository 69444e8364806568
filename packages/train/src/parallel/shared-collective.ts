/** The collective of worker threads: values go through shared memory, sums are taken there. */
import { ArgumentError } from '@casa-js/base'
import { dispose } from '@casa-js/tensor'
import { readInto } from '@casa-js/tensor/internal'
import type { Collective } from './collective.ts'
import { partTensors, readRange, writeRange } from './flat.ts'
import { offsetsOf, rangeOf, type Range } from './parts.ts'
import { barrier, NUMBERS, type SharedMemory } from './shared-memory.ts'

/** The collective of one rank over the shared memory of all. */
export function createSharedCollective(memory: SharedMemory, rank: number): Collective {
  const { ranks, numbers, gradients: rows, updated } = memory
  const parameters = updated.length
  const mine = rows.subarray(rank * parameters, (rank + 1) * parameters)
  const range = rangeOf(parameters, rank, ranks)
  let turn = 0

  const row = (half: number, of: number) =>
    numbers.subarray((half * ranks + of) * (1 + NUMBERS), (half * ranks + of + 1) * (1 + NUMBERS))

  return {
    rank,
    ranks,

    async gather(values) {
      if (values.length > NUMBERS) throw new ArgumentError(`gather: ${values.length} numbers, at most ${NUMBERS} fit`)
      const half = turn++ % 2
      const own = row(half, rank)
      own[0] = values.length
      own.set(values, 1)
      barrier(memory)
      return Array.from({ length: ranks }, (_, r) => {
        const [length, ...all] = row(half, r)
        return all.slice(0, length)
      })
    },

    sum(weights) {
      const offsets = offsetsOf(weights.map(({ size }) => size))
      if (offsets.at(-1) !== parameters)
        throw new ArgumentError(`sum: ${offsets.at(-1)} values, but the shared memory was made for ${parameters}`)
      const reads: Promise<void>[] = []
      return {
        add(weight, gradient) {
          const reading = readInto(gradient, mine.subarray(offsets[weight], offsets[weight + 1]))
          if (reading) reads.push(reading.then(() => dispose(gradient)))
          else dispose(gradient)
        },
        async finish() {
          await Promise.all(reads)
          barrier(memory)
          // No rank reads these columns of this row but this one.
          sumColumns(rows, mine, ranks, range)
          return partTensors(weights, range, mine)
        },
        cancel() {},
      }
    },

    async share(weights) {
      await readRange(weights, range, updated)
      barrier(memory)
      writeRange(weights, { begin: 0, end: range.begin }, updated)
      writeRange(weights, { begin: range.end, end: parameters }, updated)
    },

    // Threads of one process build their programs from the same files by the same code.
    broadcast: async () => {},
  }
}

/** target[i] = rows[0][i] + rows[1][i] + .. in float32, for begin <= i < end; target may be one of the rows. */
function sumColumns(rows: Float32Array, target: Float32Array, ranks: number, { begin, end }: Range): void {
  const parameters = target.length
  for (let i = begin; i < end; i++) {
    let sum = rows[i]!
    for (let r = 1; r < ranks; r++) sum = Math.fround(sum + rows[r * parameters + i]!)
    target[i] = sum
  }
}
