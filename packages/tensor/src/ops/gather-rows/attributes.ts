/** What the kernels of gather-rows are given: tensors by name (a '?' marks one that may be left out), and host values. */

export type GatherRowsInputs = 'table'

export interface GatherRowsAttributes {
  ids: Int32Array
}
