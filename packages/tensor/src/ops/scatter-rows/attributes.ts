/** Inputs of the scatter-rows kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export type ScatterRowsInputs = 'rows'

export interface ScatterRowsAttributes {
  ids: Int32Array
  N: number
}
