/** What the kernels of rope are given: tensors by name (a '?' marks one that may be left out), and host values. */

export type RopeInputs = 'x' | 'cos' | 'sin'

export interface RopeAttributes {
  tokens: number
  heads: number
  headSize: number
  interleaved: boolean
  /** Turn the other way. */
  inverse: boolean
}
