/** The collective over MPI, with a fake MPI that refuses what a real one would hang or crash on. */
import { dispose, init, memory, tensor, type Tensor } from '@casa-js/tensor'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { createFakeMpi } from '../../fixtures/fake-mpi.ts'
import { writeRange } from '../flat.ts'
import { offsetsOf, partsOf, rangeOf } from '../parts.ts'
import { bucketsOf, createMpiCollective, type MpiCollective } from './collective.node.ts'
import { launchedBy } from './launch.ts'

beforeAll(async () => void (await init({ device: 'cpu' })))

const collectives = (ranks: number, bucketSize: number, polls: number): MpiCollective[] =>
  createFakeMpi(ranks, (index) => (index * 7) % (polls + 1)).map((mpi) => createMpiCollective(mpi, () => {}, bucketSize))

/** A permutation of 0 .. n - 1 from a seed. */
function shuffled(n: number, seed: number): number[] {
  const key = (i: number) => Math.sin(seed * 97.3 + i * 12.9898) * 43758.5453
  return Array.from({ length: n }, (_, i) => i).toSorted((a, b) => (key(a) % 1) - (key(b) % 1))
}

const value = (rank: number, step: number, i: number) => Math.fround(Math.sin(rank * 31 + step * 7 + i))

describe('buckets', () => {
  it('cover every value once, in order, and none reaches over two ranks', () => {
    fc.assert(
      fc.property(fc.nat(500), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 60 }), (total, ranks, size) => {
        const buckets = bucketsOf(total, ranks, size)
        let at = 0
        for (const { begin, end, root } of buckets) {
          expect(begin).toBe(at)
          expect(end - begin).toBeGreaterThan(0)
          expect(end - begin).toBeLessThanOrEqual(size)
          const range = rangeOf(total, root, ranks)
          expect(begin >= range.begin && end <= range.end).toBe(true)
          at = end
        }
        expect(at).toBe(total)
      }),
    )
  })
})

describe('the collective over MPI', () => {
  it('sums every value over ranks and shares every range, in whatever order gradients come on each rank', async () => {
    const cases = fc.record({
      sizes: fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 7 }),
      ranks: fc.integer({ min: 1, max: 4 }),
      bucketSize: fc.integer({ min: 1, max: 25 }),
      seed: fc.nat(1000),
      polls: fc.nat(4),
    })
    await fc.assert(
      fc.asyncProperty(cases, async ({ sizes, ranks, bucketSize, seed, polls }) => {
        const before = memory().tensors
        const offsets = offsetsOf(sizes)
        const total = offsets.at(-1)!
        await Promise.all(
          collectives(ranks, bucketSize, polls).map(async (collective) => {
            const { rank } = collective
            const weights = sizes.map((size) => tensor(new Float32Array(size), [size]))
            for (let step = 0; step < 3; step++) {
              const sum = collective.sum(weights)
              for (const weight of shuffled(sizes.length, seed + rank * 5 + step)) {
                const gradient = Float32Array.from({ length: sizes[weight]! }, (_, i) => value(rank, step, offsets[weight]! + i))
                sum.add(weight, tensor(gradient, [sizes[weight]!]))
              }
              const own = await sum.finish()
              const parts = partsOf(sizes, rangeOf(total, rank, ranks))
              expect(own).toHaveLength(parts.length)
              for (const [i, { weight, begin, end }] of parts.entries()) {
                const wanted = Float32Array.from({ length: end - begin }, (_, at) => {
                  const index = offsets[weight]! + begin + at
                  return Array.from({ length: ranks }, (_unused, of) => value(of, step, index)).reduce((a, b) =>
                    Math.fround(a + b),
                  )
                })
                expect(await own[i]!.data()).toEqual(wanted)
              }
              dispose(...own)
              await shareUpdates(collective, weights, offsets, step)
            }
            dispose(...weights)
          }),
        )
        expect(memory().tensors).toBe(before)
      }),
      { numRuns: 60 },
    )
  })

  /** Every rank writes its range, as an optimiser does; all must see every range afterwards. */
  async function shareUpdates(collective: MpiCollective, weights: Tensor[], offsets: number[], step: number): Promise<void> {
    const total = offsets.at(-1)!
    const sizes = weights.map(({ size }) => size)
    const updated = (i: number) => Math.fround(i + 1000 * step)
    writeRange(
      weights,
      rangeOf(total, collective.rank, collective.ranks),
      Float32Array.from({ length: total }, (_, i) => updated(i)),
    )
    await collective.share(weights)
    for (const [w, weight] of weights.entries())
      expect(await weight.data()).toEqual(Float32Array.from({ length: sizes[w]! }, (_, i) => updated(offsets[w]! + i)))
  }

  it('starts all ranks from the weights of rank 0', async () => {
    await Promise.all(
      collectives(3, 4, 2).map(async (collective) => {
        const weights = [tensor(new Float32Array(6).fill(collective.rank), [2, 3]), tensor([collective.rank + 5], [])]
        await collective.broadcast(weights)
        expect(await Promise.all(weights.map((weight) => weight.data()))).toEqual([new Float32Array(6), Float32Array.of(5)])
        dispose(...weights)
      }),
    )
  })

  it('gathers lists and bytes of different lengths, by rank', async () => {
    await Promise.all(
      collectives(3, 4, 2).map(async (collective) => {
        const { rank } = collective
        expect(await collective.gather(Array.from({ length: rank }, () => rank + 0.5))).toEqual([[], [1.5], [2.5, 2.5]])
        const bytes = await collective.exchange(Uint8Array.from({ length: 2 - rank }, () => rank + 1))
        expect(bytes.map((own) => [...own])).toEqual([[1, 1], [2], []])
      }),
    )
  })

  it('stops waiting when another rank is gone', async () => {
    const [first] = createFakeMpi(2, () => 0)
    const gone = () => {
      throw new Error('rank 1 is gone')
    }
    await expect(createMpiCollective(first!, gone).gather([1])).rejects.toThrow('rank 1 is gone')
  })
})

describe('launchedBy', () => {
  it('knows the launchers of Open MPI and MPICH, and nothing else', () => {
    const openMpi = { OMPI_COMM_WORLD_RANK: '2', OMPI_COMM_WORLD_SIZE: '4', OMPI_COMM_WORLD_LOCAL_SIZE: '1' }
    expect(launchedBy(openMpi)).toEqual({ launcher: 'Open MPI', rank: 2, ranks: 4, ranksHere: 1 })
    expect(launchedBy({ PMI_RANK: '0', PMI_SIZE: '3' })).toEqual({ launcher: 'MPICH', rank: 0, ranks: 3, ranksHere: 3 })
    expect(launchedBy({ PATH: '/bin', PMI_RANK: '0' })).toBeUndefined()
    expect(launchedBy({ PMI_RANK: 'x', PMI_SIZE: '3' })).toBeUndefined()
  })
})
