/** Inputs of the global-norm kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export type SumOfSquaresInputs = 'x' | 'carry?'

export interface SumOfSquaresAttributes {
  size: number
}
