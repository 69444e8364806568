/**
 * Seeded randomness: a stream of numbers that depends only on a few integers, so that example `index` of seed `seed` is the same
 * on every platform, whatever was drawn before. Generator: sfc32 (PractRand's small fast counter), seeded through a
 * murmur3-style mix.
 */

/** 32-bit hash of integers; order matters. */
export function hashIntegers(...values: number[]): number {
  let hash = 0x9e3779b9
  for (const value of values) {
    // Both halves, so that indices past 2^32 still differ.
    for (const half of [value >>> 0, Math.floor(value / 4294967296) >>> 0]) {
      hash = Math.imul(hash ^ half, 0x85ebca6b)
      hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
      hash ^= hash >>> 16
    }
  }
  return hash >>> 0
}

/** 32-bit hash of a text by its UTF-16 units. */
export function hashText(text: string): number {
  return hashIntegers(text.length, ...Array.from({ length: text.length }, (_, index) => text.charCodeAt(index)))
}

/** A stream of random numbers. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Uniform in [low, high). */
  between(low: number, high: number): number
  /** Uniform integer in low..high, both included. */
  integer(low: number, high: number): number
  /** True with this probability. */
  chance(probability: number): boolean
  /** One of a non-empty list. */
  pick<T>(list: readonly T[]): T
  /** Standard normal, by Box and Muller. */
  normal(): number
}

/** A stream of its own for these integers, e.g. `createRandom(seed, index)`. */
export function createRandom(...seeds: number[]): Random {
  let a = hashIntegers(1, ...seeds)
  let b = hashIntegers(2, ...seeds)
  let c = hashIntegers(3, ...seeds)
  let counter = 1
  const next = () => {
    const sum = (a + b + counter++) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 4294967296
  }
  // The first outputs are still correlated with the seed.
  for (let round = 0; round < 12; round++) next()
  const integer = (low: number, high: number) => low + Math.floor(next() * (high - low + 1))
  return {
    next,
    between: (low, high) => low + next() * (high - low),
    integer,
    chance: (probability) => next() < probability,
    pick: (list) => list[integer(0, list.length - 1)]!,
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  }
}

/** The numbers 0..length-1 in an order fixed by the seeds. */
export function permutation(length: number, ...seeds: number[]): Uint32Array {
  const random = createRandom(...seeds)
  const order = Uint32Array.from({ length }, (_, index) => index)
  for (let last = length - 1; last > 0; last--) {
    const other = random.integer(0, last)
    const moved = order[last]!
    order[last] = order[other]!
    order[other] = moved
  }
  return order
}
