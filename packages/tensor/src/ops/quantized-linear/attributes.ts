/** Inputs of the quantized-linear kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export type QuantizedLinearInputs = 'x' | 'values' | 'scales' | 'bias?'
export type QuantizedLinearGradInputs = 'dy' | 'values' | 'scales'

export interface QuantizedLinearAttributes {
  rows: number
  /** D */
  inputs: number
  /** O */
  outputs: number
  bits: 8 | 4
  group: number
}
