/** Inputs of the top-k kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export type TopKInputs = 'x'

export interface TopKAttributes {
  rows: number
  width: number
  k: number
}
