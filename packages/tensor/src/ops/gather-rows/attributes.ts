/** Inputs of the gather-rows kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export type GatherRowsInputs = 'table'

export interface GatherRowsAttributes {
  ids: Int32Array
}
