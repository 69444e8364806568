/** What the kernels of gelu are given: tensors by name (a '?' marks one that may be left out), and host values. */

export type GeluInputs = 'x'
export type GeluGradInputs = 'x' | 'dy'

export interface GeluOptions {
  /** Named as in PyTorch. */
  approximate: 'none' | 'tanh'
}

export interface GeluAttributes extends GeluOptions {
  size: number
}
