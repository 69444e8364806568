/** What the kernels of top-k are given: tensors by name (a '?' marks one that may be left out), and host values. */

export type TopKInputs = 'x'

export interface TopKAttributes {
  rows: number
  width: number
  k: number
}
