/** Inputs of the gelu kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export type GeluInputs = 'x'
export type GeluGradInputs = 'x' | 'dy'

export interface GeluOptions {
  /** Named as in PyTorch. */
  approximate: 'none' | 'tanh'
}

export interface GeluAttributes extends GeluOptions {
  size: number
}
