/** What the kernels of write-rows are given: tensors by name (a '?' marks one that may be left out), and host values. */

export type WriteRowsInputs = 'target' | 'rows'

export interface WriteRowsAttributes {
  offset: number
  rows: number
  width: number
}
