/** What the kernels of rms-norm are given: tensors by name (a '?' marks one that may be left out), and host values. */

export type RmsNormInputs = 'x' | 'y?' | 'weight'
export type RmsNormGradInputs = 'x' | 'weight' | 'inverse' | 'dNormed' | 'dSum?'

export interface RmsNormGradAttributes {
  rows: number
  width: number
}

export interface RmsNormAttributes extends RmsNormGradAttributes {
  eps: number
}
