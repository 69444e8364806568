/** Inputs of the rms-norm kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export type RmsNormInputs = 'x' | 'y?' | 'weight'
export type RmsNormGradInputs = 'x' | 'weight' | 'inverse' | 'dNormed' | 'dSum?'

export interface RmsNormGradAttributes {
  rows: number
  width: number
}

export interface RmsNormAttributes extends RmsNormGradAttributes {
  eps: number
}
