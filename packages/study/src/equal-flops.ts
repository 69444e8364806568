/**
 * Scores at equal training operations, read off the curves: with a constant rate, every evaluation of a run is as good an end as its
 * last one, so the same runs answer at equal steps and at equal operations.
 */
import type { CurvePoint } from './results.ts'
import { meanWithInterval, pairedDifference, type Mean } from './statistics.ts'

/** One variant under one setting: a curve for each seed. */
export interface VariantCurves {
  variant: string
  curves: { seed: number; curve: readonly CurvePoint[] }[]
  /** Whether it keeps anything of an image: the budget is set by those that do. */
  sees: boolean
}

export interface EqualFlops {
  /** The budget: the operations of the cheapest variant that sees images. */
  flops: number
  accuracy: Mean
  /** Against the baseline at the same budget, over seeds that both have, with the paired t-test's p. */
  difference?: Mean
  p?: number
}

/**
 * Accuracy after `flops` training operations, straight lines between evaluations. After the last one, that one.
 *
 * @returns undefined before the first evaluation
 */
export function accuracyAt(curve: readonly CurvePoint[], flops: number): number | undefined {
  const after = curve.findIndex((point) => point.flops >= flops)
  if (after === -1) return curve.at(-1)?.accuracy
  const next = curve[after]!
  if (next.flops === flops) return next.accuracy
  const before = curve[after - 1]
  if (!before) return undefined
  return before.accuracy + ((next.accuracy - before.accuracy) * (flops - before.flops)) / (next.flops - before.flops)
}

/**
 * Compares variants at the operations that the cheapest of them ended with.
 *
 * @returns by variant; without those whose first evaluation comes later than the budget
 */
export function atEqualFlops(variants: readonly VariantCurves[], baseline: string): Map<string, EqualFlops> {
  const ends = variants.flatMap(({ sees, curves }) => (sees ? curves.map(({ curve }) => curve.at(-1)?.flops ?? Infinity) : []))
  const flops = Math.min(...ends)
  const scored = variants.map(({ variant, curves }) => ({
    variant,
    bySeed: new Map(
      curves.flatMap(({ seed, curve }) => {
        const accuracy = accuracyAt(curve, flops)
        return accuracy === undefined ? [] : [[seed, accuracy] as const]
      }),
    ),
  }))
  const base = scored.find(({ variant }) => variant === baseline)?.bySeed
  const rows = new Map<string, EqualFlops>()
  for (const { variant, bySeed } of scored) {
    if (bySeed.size === 0) continue
    const differences = [...bySeed].flatMap(([seed, accuracy]) => (base?.has(seed) ? [accuracy - base.get(seed)!] : []))
    rows.set(variant, {
      flops,
      accuracy: meanWithInterval([...bySeed.values()]),
      ...(variant !== baseline && differences.length > 0 && pairedDifference(differences)),
    })
  }
  return rows
}
