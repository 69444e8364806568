/** What each contestant of the bench implements, and the numbers that all of them start from. */

/** Cases by name; KERNEL shapes are written out where the results are read. */
export type CaseName = 'linear' | 'transposed' | 'vector' | 'attention' | 'attentionGradient' | 'forward' | 'step'

export interface Peer {
  name: string
  version: string
  /** Threads, device, extensions: whatever the times depend on. */
  setting: string
  /** Prepare a case: what it returns is timed, and resolves when the result could be read. A string says why there is none. */
  prepare(name: CaseName): Promise<Timed | string> | Timed | string
  close?(): Promise<void>
}

/** May resolve to a number that contestants agree on, e.g. the loss. */
export type Timed = () => Promise<number | void> | number | void

/** M, K, N of the products: x[M,K] w[N,K]ᵀ, a[K,M]ᵀ b[K,N], and one row against a matrix. */
export const products = {
  linear: [1024, 256, 1024],
  transposed: [1024, 1024, 256],
  vector: [1, 2048, 2048],
} as const

/** 8 samples of 128 tokens with 4 heads of 64: 32 heads, not causal. */
export const attentionShape = { batch: 8, tokens: 128, heads: 4, headSize: 64 }

/** Reproducible values in [-1, 1). */
export function values(size: number, seed: number): Float32Array {
  let state = seed
  return Float32Array.from({ length: size }, () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32) * 2 - 1)
}

export const adamw = { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.01 }
export const normEps = 1e-5
export const ropeTheta = 10_000
