/** Inputs of the compressed kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

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
