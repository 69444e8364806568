/** The collective of worker threads: tensors go through shared memory, sums are taken there. */
import { ArgumentError } from '@casa-js/base'
import { dispose, tensor, type Tensor } from '@casa-js/tensor'
import { readInto } from '@casa-js/tensor/internal'
import type { Collective } from './collective.ts'
import { barrier, NUMBERS, type SharedMemory } from './shared-memory.ts'

/** The collective of one rank over the shared memory of all. */
export function createSharedCollective(memory: SharedMemory, rank: number): Collective {
  const { ranks, numbers, gradients: rows, total } = memory
  const parameters = total.length
  const mine = rows.subarray(rank * parameters, (rank + 1) * parameters)
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

    async sum(gradients) {
      let offset = 0
      const given = gradients.reduce((size, gradient) => size + gradient.size, 0)
      if (given !== parameters) throw new ArgumentError(`sum: ${given} values, but the shared memory was made for ${parameters}`)
      for (const gradient of gradients) await readInto(gradient, mine.subarray(offset, (offset += gradient.size)))
      const shapes = gradients.map(({ shape }) => shape)
      dispose(...gradients)
      barrier(memory)
      sumColumns(rows, total, ranks, Math.floor((parameters * rank) / ranks), Math.floor((parameters * (rank + 1)) / ranks))
      barrier(memory)
      return split(total, shapes)
    },
  }
}

/** total[i] = rows[0][i] + rows[1][i] + .. in float32, for begin <= i < end. */
function sumColumns(rows: Float32Array, total: Float32Array, ranks: number, begin: number, end: number): void {
  const parameters = total.length
  total.set(rows.subarray(begin, end), begin)
  for (let r = 1; r < ranks; r++) {
    const start = r * parameters
    for (let i = begin; i < end; i++) total[i]! += rows[start + i]!
  }
}

function split(values: Float32Array, shapes: number[][]): Tensor[] {
  let offset = 0
  return shapes.map((shape) => {
    const size = shape.reduce((product, extent) => product * extent, 1)
    return tensor(values.subarray(offset, (offset += size)), shape)
  })
}
