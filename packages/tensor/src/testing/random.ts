/** Random host tensors for tests: the same seed gives the same values everywhere. */
import { sizeOf } from '../engine/tensor.ts'
import type { HostTensor } from './op-suite.ts'

/** Uniform numbers in [0, 1), by mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Uniform values with mean 0 and std 1. */
export function randomValues(size: number, seed: number): Float32Array {
  const next = randomNumbers(seed)
  return Float32Array.from({ length: size }, () => (next() * 2 - 1) * Math.sqrt(3))
}

export function randomTensor(shape: number[], seed: number): HostTensor {
  return { data: randomValues(sizeOf(shape), seed), shape }
}
