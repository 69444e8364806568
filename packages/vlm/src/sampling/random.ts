/** Random numbers that are the same everywhere for the same seed. */

/**
 * sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, period about 2^128.
 *
 * @param seed any integer; its low 32 bits count
 * @returns a function whose calls give numbers in [0, 1), multiples of 2^-32
 */
export function createRandom(seed: number): () => number {
  let a = seed | 0
  let b = a
  let c = a
  let counter = 1
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return sum >>> 0
  }
  // PractRand's own seeding: twelve rounds mix the seed through.
  for (let round = 0; round < 12; round++) next()
  return () => next() / 2 ** 32
}
