/** Against values of scipy 1.17.1 (stats.t, stats.binomtest). */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { exactMcNemar, meanWithInterval, pairedTest, studentP, studentQuantile } from './statistics.ts'

test('quantiles of t', () => {
  const known: [number, number][] = [
    [1, 12.706204736],
    [2, 4.30265273],
    [4, 2.776445105],
    [30, 2.042272456],
  ]
  for (const [degrees, quantile] of known) expect(studentQuantile(degrees)).toBeCloseTo(quantile, 6)
  expect(studentP(2.5, 3)).toBeCloseTo(0.08770664700806556, 10)
  expect(studentP(0, 5)).toBeCloseTo(1, 12)
})

test('the mean and its interval', () => {
  const { mean, interval, n } = meanWithInterval([0.5, 0.6, 0.7])
  expect([mean, n]).toEqual([expect.closeTo(0.6, 12), 3])
  // 4.302652730 x 0.1 / sqrt(3)
  expect(interval![0]).toBeCloseTo(0.6 - 0.248413777, 7)
  expect(meanWithInterval([0.5])).toEqual({ mean: 0.5, n: 1 })
})

test("McNemar's exact test", () => {
  expect(exactMcNemar(0, 0)).toBe(1)
  expect(exactMcNemar(1, 9)).toBeCloseTo(0.021484375, 12)
  expect(exactMcNemar(10, 25)).toBeCloseTo(0.016673847800120715, 10)
  fc.assert(
    fc.property(fc.nat(3000), fc.nat(3000), (a, b) => {
      const p = exactMcNemar(a, b)
      expect(p).toBeGreaterThanOrEqual(0)
      expect(p).toBeLessThanOrEqual(1)
      expect(exactMcNemar(b, a)).toBe(p)
    }),
  )
})

test('a paired test counts what only one answered, and knows the spread of seeds', () => {
  const right = (bits: string) => [...bits].map((bit) => bit === '1')
  const test_ = pairedTest([
    { first: right('1110'), second: right('1000') },
    { first: right('1111'), second: right('1100') },
    { first: right('0110'), second: right('0101') },
  ])
  expect(test_).toMatchObject({ onlyFirst: 5, onlySecond: 1, difference: { n: 3, mean: expect.closeTo(1 / 3, 12) } })
  // Differences 0.5, 0.5, 0: t = 2 with 2 degrees of freedom.
  expect(test_.pSeeds).toBeCloseTo(0.18350341907227397, 10)
  expect(test_.pExamples).toBeCloseTo(0.21875, 12)
  expect(pairedTest([{ first: right('1'), second: right('1') }]).pSeeds).toBeUndefined()
})
