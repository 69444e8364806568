/** What the kernels of compressed are given: tensors by name (a '?' marks one that may be left out), and host values. */

export type DecompressRowsInputs = 'compressed' | 'scales?'

export interface DecompressRowsAttributes {
  ids: Int32Array
  /** N */
  rows: number
  /** D */
  width: number
  format: 'bf16' | 'f16' | 'q8' | 'q4'
  /** Columns that share a scale; 0 where there are none. */
  group: number
}
