/** Inputs of the column-sum kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export type ColumnSumInputs = 'x'

export interface ColumnSumAttributes {
  M: number
  N: number
}
