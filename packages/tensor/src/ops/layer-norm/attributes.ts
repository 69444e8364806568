/** Inputs of the layer-norm kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export type LayerNormInputs = 'x' | 'weight' | 'bias'
export type LayerNormGradInputs = 'x' | 'weight' | 'mean' | 'inverse' | 'dy'

export interface LayerNormGradAttributes {
  rows: number
  width: number
}

export interface LayerNormAttributes extends LayerNormGradAttributes {
  eps: number
}
