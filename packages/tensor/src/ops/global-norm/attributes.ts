/** What the kernels of global-norm are given: tensors by name (a '?' marks one that may be left out), and host values. */

export type SumOfSquaresInputs = 'x' | 'carry?'

export interface SumOfSquaresAttributes {
  size: number
}
