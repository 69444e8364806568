/** What the kernels of argmax are given: tensors by name (a '?' marks one that may be left out), and host values. */

export type ArgMaxInputs = 'x'

export interface ArgMaxAttributes {
  rows: number
  width: number
}
