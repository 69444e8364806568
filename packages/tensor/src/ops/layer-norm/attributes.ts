/** What the kernels of layer-norm are given: tensors by name (a '?' marks one that may be left out), and host values. */

export type LayerNormInputs = 'x' | 'weight' | 'bias'
export type LayerNormGradInputs = 'x' | 'weight' | 'mean' | 'inverse' | 'dy'

export interface LayerNormGradAttributes {
  rows: number
  width: number
}

export interface LayerNormAttributes extends LayerNormGradAttributes {
  eps: number
}
