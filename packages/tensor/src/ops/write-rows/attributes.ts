/** Inputs of the write-rows kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export type WriteRowsInputs = 'target' | 'rows'

export interface WriteRowsAttributes {
  offset: number
  rows: number
  width: number
}
