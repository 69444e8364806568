/** What the kernels of half-linear are given: tensors by name (a '?' marks one that may be left out), and host values. */

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
