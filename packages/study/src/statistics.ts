/** Means over seeds with their intervals, and paired tests. */

export interface Mean {
  mean: number
  /** 95 % interval of the mean (Student's t); none for a single value. */
  interval?: [number, number]
  n: number
}

/** The mean of one value per seed. NaN of nothing. */
export function meanWithInterval(values: readonly number[]): Mean {
  const n = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  if (n < 2) return { mean, n }
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1))
  const half = (studentQuantile(n - 1) * deviation) / Math.sqrt(n)
  return { mean, interval: [mean - half, mean + half], n }
}

export interface PairedTest {
  /** Mean of the differences over seeds, with its interval. */
  difference: Mean
  /** Two-sided p of the paired t-test over seeds; undefined with fewer than two seeds. */
  pSeeds?: number
  /** Examples that only the one, only the other answered. */
  onlyFirst: number
  onlySecond: number
  /** Two-sided p of the exact McNemar test over all examples of all seeds. It ignores the variance between seeds. */
  pExamples: number
}

/**
 * Compares two variants on the same seeds and the same examples.
 *
 * @param pairs for each seed, whether each example was answered right: by the first variant, by the second
 */
export function pairedTest(pairs: readonly { first: readonly boolean[]; second: readonly boolean[] }[]): PairedTest {
  const share = (right: readonly boolean[]): number => right.filter(Boolean).length / right.length
  const differences = pairs.map(({ first, second }) => share(first) - share(second))
  let onlyFirst = 0
  let onlySecond = 0
  for (const { first, second } of pairs) {
    first.forEach((right, i) => {
      if (right && !second[i]) onlyFirst++
      if (!right && second[i]) onlySecond++
    })
  }
  const { difference, p: pSeeds } = pairedDifference(differences)
  return {
    difference,
    ...(pSeeds !== undefined && { pSeeds }),
    onlyFirst,
    onlySecond,
    pExamples: exactMcNemar(onlyFirst, onlySecond),
  }
}

/** The mean of one difference per seed, and the two-sided p of the paired t-test; no p for a single seed. */
export function pairedDifference(differences: readonly number[]): { difference: Mean; p?: number } {
  const difference = meanWithInterval(differences)
  const { mean, n } = difference
  if (n < 2) return { difference }
  const variance = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1)
  if (variance === 0) return { difference, p: mean === 0 ? 1 : 0 }
  return { difference, p: studentP(mean / Math.sqrt(variance / n), n - 1) }
}

/** McNemar's exact test: two-sided binomial p of a split of the examples on which two variants differ (McNemar 1947). */
export function exactMcNemar(onlyFirst: number, onlySecond: number): number {
  const n = onlyFirst + onlySecond
  const k = Math.min(onlyFirst, onlySecond)
  let tail = 0
  // Sums of C(n, i) / 2^n, by logarithms: n may be thousands.
  let logTerm = -n * Math.LN2
  for (let i = 0; i <= k; i++) {
    tail += Math.exp(logTerm)
    logTerm += Math.log((n - i) / (i + 1))
  }
  return Math.min(1, 2 * tail)
}

/** Two-sided p of Student's t. */
export function studentP(t: number, degrees: number): number {
  return incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5)
}

/** t such that 95 % lie between -t and t. */
export function studentQuantile(degrees: number): number {
  let [low, high] = [0, 1e3]
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2
    if (studentP(middle, degrees) > 0.05) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** Regularised incomplete beta function, by its continued fraction (Press et al., Numerical Recipes, section 6.4). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x))
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(1 - x, b, a)) / b
}

function betaFraction(x: number, a: number, b: number): number {
  const away = (value: number): number => (Math.abs(value) < 1e-300 ? 1e-300 : value)
  let c = 1
  let d = 1 / away(1 - ((a + b) * x) / (a + 1))
  let h = d
  for (let m = 1; m <= 300; m++) {
    for (const step of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      d = 1 / away(1 + step * d)
      c = away(1 + step / c)
      h *= d * c
    }
    if (Math.abs(d * c - 1) < 1e-15) break
  }
  return h
}

/** Lanczos' approximation, g = 7, n = 9. */
function logGamma(x: number): number {
  const series = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
    -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ]
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const t = x + 6.5
  const sum = series.reduce((total, value, i) => (i === 0 ? value : total + value / (x - 1 + i)), 0)
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum)
}
