/** Inputs of the argmax kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export type ArgMaxInputs = 'x'

export interface ArgMaxAttributes {
  rows: number
  width: number
}
