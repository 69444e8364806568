/** What the kernels of column-sum are given: tensors by name (a '?' marks one that may be left out), and host values. */

export type ColumnSumInputs = 'x'

export interface ColumnSumAttributes {
  M: number
  N: number
}
