/** What each contestant of the bench implements, and the numbers that all of them start from. */

/** Cases by name; their shapes are written out where the results are read. */
export type CaseName = 'linear' | 'transposed' | 'vector' | 'attention' | 'attentionGradient' | 'forward' | 'step'

export interface Peer {
  name: string
  version: string
  /** Threads, device, extensions: whatever the times depend on. */
  setting: string
  /** Emulates the device (software adapter): its results count, its times do not. */
  software?: boolean
  /** Prepare a case: what it returns is timed, and resolves when the result could be read. A string says why there is none. */
  prepare(name: CaseName): Promise<Timed | string> | Timed | string
  close?(): Promise<void>
}

/** Resolves to the loss of a step, or to the result's values: logits [T,V], products, the attended rows or the gradient of q. */
export type Timed = () => Promise<number | Float32Array>

/** What a contestant's process prints of a case, as one line of JSON. */
export interface CaseResult {
  name: string
  version: string
  setting: string
  software?: boolean | undefined
  /** Wall-clock milliseconds of every run after the first. */
  times: number[]
  /** CPU milliseconds of each run, over all threads, which other load on the machine hardly affects. */
  processorTimes: number[]
  /** Value on which contestants should agree: the decoder's loss before its first step; for other results their RMS. */
  value?: number | undefined
  /** Growth of the process's largest resident memory over what it was before the case's weights and inputs were made. */
  peakBytes?: number | undefined
  skipped?: string | undefined
}

/** M, K, N of the products: x[M,K] w[N,K]ᵀ, a[K,M]ᵀ b[K,N], and one row against a matrix. */
export const products = {
  linear: [1024, 256, 1024],
  transposed: [1024, 1024, 256],
  vector: [1, 2048, 2048],
} as const

export interface AttentionShape {
  batch: number
  tokens: number
  heads: number
  headSize: number
}

/** 8 samples of 128 tokens with 4 heads of 64: 32 heads, not causal. */
export const attentionShape: AttentionShape = { batch: 8, tokens: 128, heads: 4, headSize: 64 }

/** Reproducible values in [-1, 1). */
export function values(size: number, seed: number): Float32Array {
  let state = seed
  return Float32Array.from({ length: size }, () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32) * 2 - 1)
}

/** [rows, columns] -> [columns, rows]: a weight for contestants that store [in, out]. */
export function transposed(matrix: Float32Array, [rows, columns]: readonly number[]): Float32Array {
  return Float32Array.from(matrix, (_, at) => matrix[(at % rows!) * columns! + Math.floor(at / rows!)]!)
}

/** q, k and v, [batch, tokens, heads, headSize] or [batch, heads, tokens, headSize]. */
export function attentionInputs(order: 'tokens first' | 'heads first', shape = attentionShape): Float32Array[] {
  const { batch, tokens, heads, headSize } = shape
  const sample = tokens * heads * headSize
  return [1, 2, 3].map((seed) => {
    const data = values(batch * sample, seed)
    if (order === 'tokens first') return data
    return Float32Array.from(data, (_, at) => {
      const begin = Math.floor(at / sample) * sample
      const [head, token] = [Math.floor(at / (tokens * headSize)) % heads, Math.floor(at / headSize) % tokens]
      return data[begin + (token * heads + head) * headSize + (at % headSize)]!
    })
  })
}

export const normEps = 1e-5
export const ropeTheta = 10_000
