/** Inputs of the swiglu kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export type SwigluInputs = 'gate' | 'up'
export type SwigluGradInputs = 'gate' | 'up' | 'dy'

export interface SwigluAttributes {
  size: number
}
