/** What the kernels of widen are given: tensors by name (a '?' marks one that may be left out), and host values. */

export type WidenInputs = 'halves'

export interface WidenAttributes {
  size: number
  shape: number[]
  format: 'bf16' | 'f16'
}
