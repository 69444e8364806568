/** Inputs of the rope kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export type RopeInputs = 'x' | 'cos' | 'sin'

export interface RopeAttributes {
  tokens: number
  heads: number
  headSize: number
  interleaved: boolean
  /** Rotate by the negative angle. */
  inverse: boolean
}
