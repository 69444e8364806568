/** Inputs of the matmul kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export type MatMulInputs = 'a' | 'b' | 'bias?'

export interface MatMulAttributes {
  M: number
  N: number
  K: number
  transposeA: boolean
  transposeB: boolean
}
