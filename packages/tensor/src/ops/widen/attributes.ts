/** Inputs of the widen kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export type WidenInputs = 'halves'

export interface WidenAttributes {
  size: number
  shape: number[]
  format: 'bf16' | 'f16'
}
