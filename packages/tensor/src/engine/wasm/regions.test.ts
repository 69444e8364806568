import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inShares } from './regions.ts'

/** The work of each thread's share, as kernels/regions.ts cuts them. */
const loads = (slices: readonly { work: number }[], threads: number) =>
  Array.from({ length: threads }, (_, thread) => {
    const [begin, end] = [thread, thread + 1].map((t) => Math.floor((slices.length * t) / threads))
    return slices.slice(begin, end).reduce((sum, { work }) => sum + work, 0)
  })

describe('shares of a region', () => {
  it('hold every slice once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 9 }),
        (work, threads) => {
          const slices = work.map((each, index) => ({ work: each, index }))
          const dealt = inShares(slices, threads)
          expect(dealt.map(({ index }) => index).sort((a, b) => a - b)).toEqual(work.map((_, index) => index))
        },
      ),
    )
  })

  it('are even: q in two slices, k and v in one each', () => {
    const slices = [{ work: 3 }, { work: 3 }, { work: 2 }, { work: 2 }]
    expect(loads(slices, 2)).toEqual([6, 4])
    expect(loads(inShares(slices, 2), 2)).toEqual([5, 5])
  })
})
