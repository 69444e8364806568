import { describe, expect, it } from 'vitest'
import { accuracyAt, atEqualFlops } from './equal-flops.ts'
import type { CurvePoint } from './results.ts'

const curveOf = (...points: [flops: number, accuracy: number][]): CurvePoint[] =>
  points.map(([flops, accuracy], i) => ({ step: (i + 1) * 10, flops, loss: 1, accuracy }))

describe('accuracy at a budget', () => {
  const curve = curveOf([100, 0.2], [200, 0.6])

  it('lies on the line between two evaluations', () => {
    expect(accuracyAt(curve, 100)).toBe(0.2)
    expect(accuracyAt(curve, 150)).toBeCloseTo(0.4, 12)
    expect(accuracyAt(curve, 200)).toBe(0.6)
  })

  it('is not known before the first evaluation, and stays after the last', () => {
    expect(accuracyAt(curve, 99)).toBeUndefined()
    expect(accuracyAt(curve, 300)).toBe(0.6)
  })
})

describe('variants at equal operations', () => {
  const variants = [
    {
      variant: 'dear',
      sees: true,
      curves: [
        { seed: 1, curve: curveOf([100, 0.2], [200, 0.6]) },
        { seed: 2, curve: curveOf([100, 0.1], [200, 0.5]) },
      ],
    },
    {
      variant: 'cheap',
      sees: true,
      curves: [
        { seed: 1, curve: curveOf([75, 0.1], [150, 0.5]) },
        { seed: 2, curve: curveOf([75, 0.1], [150, 0.4]) },
      ],
    },
    { variant: 'blind', sees: false, curves: [{ seed: 1, curve: curveOf([10, 0.05], [20, 0.04]) }] },
  ]

  it('takes the budget of the cheapest that sees, and pairs the seeds', () => {
    const equal = atEqualFlops(variants, 'dear')
    expect(equal.get('dear')).toMatchObject({ flops: 150, accuracy: { n: 2 } })
    expect(equal.get('dear')!.accuracy.mean).toBeCloseTo(0.35, 12)
    expect(equal.get('dear')!.difference).toBeUndefined()
    expect(equal.get('cheap')!.difference!.mean).toBeCloseTo(0.1, 12)
    expect(equal.get('cheap')!.p).toBeLessThan(0.001)
  })

  it('takes one that sees nothing at its own end, without a p for a single seed', () => {
    expect(atEqualFlops(variants, 'dear').get('blind')).toMatchObject({ accuracy: { mean: 0.04, n: 1 } })
    expect(atEqualFlops(variants, 'dear').get('blind')!.p).toBeUndefined()
  })
})
