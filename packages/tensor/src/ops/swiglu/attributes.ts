/** What the kernels of swiglu are given: tensors by name (a '?' marks one that may be left out), and host values. */

export type SwigluInputs = 'gate' | 'up'
export type SwigluGradInputs = 'gate' | 'up' | 'dy'

export interface SwigluAttributes {
  size: number
}
