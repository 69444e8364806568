/** What the kernels of matmul are given: tensors by name (a '?' marks one that may be left out), and host values. */

export type MatMulInputs = 'a' | 'b' | 'bias?'

export interface MatMulAttributes {
  M: number
  N: number
  K: number
  transposeA: boolean
  transposeB: boolean
}
