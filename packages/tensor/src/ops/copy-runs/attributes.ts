/** Inputs of the copy-runs kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export const inputNames = ['a', 'b', 'c', 'd'] as const

export type CopyRunsInputs = 'a' | `${'b' | 'c' | 'd'}?`

/** `count` runs of `width` values, `stride` apart. */
export interface Runs {
  /** Index of the input. */
  from: number
  begin: number
  count: number
  width: number
  stride: number
}

export interface CopyRunsAttributes {
  /** They follow each other in the result. */
  parts: readonly Runs[]
  shape: number[]
  dtype: 'float32' | 'int32'
}
