/** What the kernels of quantized-linear are given: tensors by name (a '?' marks one that may be left out), and host values. */

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
