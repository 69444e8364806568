/** What the kernels of scatter-rows are given: tensors by name (a '?' marks one that may be left out), and host values. */

export type ScatterRowsInputs = 'rows'

export interface ScatterRowsAttributes {
  ids: Int32Array
  N: number
}
