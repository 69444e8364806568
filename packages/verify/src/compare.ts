/** Compares a recomputed tensor with its golden. */

/** One line of `casa verify`. */
export interface Check {
  name: string
  /** Worst relative error: largest difference over the golden's largest value. NaN where shapes or values do not compare. */
  error: number
  tolerance: number
  /** Note on the result: where it differs, or why the case was skipped. */
  note?: string | undefined
  skipped?: boolean
}

export const passed = ({ error, tolerance, skipped }: Check): boolean => skipped === true || error <= tolerance

/** Largest |a - b| over largest |b|; NaN if a value is not finite or the lengths differ. */
export function relativeError(actual: ArrayLike<number>, golden: ArrayLike<number>): number {
  if (actual.length !== golden.length) return NaN
  let difference = 0
  let largest = 0
  for (let i = 0; i < golden.length; i++) {
    if (!Number.isFinite(actual[i])) return NaN
    difference = Math.max(difference, Math.abs(actual[i]! - golden[i]!))
    largest = Math.max(largest, Math.abs(golden[i]!))
  }
  return largest === 0 ? difference : difference / largest
}

/** Exact equality of integers: error 0 or 1, with the first difference in the note. */
export function exactly(name: string, actual: ArrayLike<number>, golden: ArrayLike<number>): Check {
  const length = Math.max(actual.length, golden.length)
  for (let i = 0; i < length; i++) {
    if (actual[i] !== golden[i]) return { name, error: 1, tolerance: 0, note: `differs at ${i}: ${actual[i]} for ${golden[i]}` }
  }
  return { name, error: 0, tolerance: 0 }
}

/** Tolerances that the originals justify in float32: forward and gradients. */
export interface Tolerances {
  forward: number
  gradient: number
}

export const tolerancesOf = (device: string): Tolerances => ({ forward: device === 'webgpu' ? 1e-4 : 1e-5, gradient: 1e-4 })

/**
 * The check that says most of several.
 * @returns the failed one, or the one closest to failing
 */
export function worstCheck<C extends Check>(checks: readonly [C, ...C[]]): C {
  const strain = ({ error, skipped, tolerance }: Check) =>
    Number.isNaN(error) ? Infinity : skipped ? -1 : error === 0 ? 0 : error / tolerance
  return checks.reduce((a, b) => (strain(b) > strain(a) ? b : a))
}
