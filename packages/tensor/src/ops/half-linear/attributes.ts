/** Inputs of the half-linear kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export type HalfLinearInputs = 'x' | 'halves' | 'bias?'
export type HalfLinearGradInputs = 'dy' | 'halves'

export interface HalfLinearAttributes {
  rows: number
  /** D */
  inputs: number
  /** O */
  outputs: number
  format: 'bf16' | 'f16'
}
