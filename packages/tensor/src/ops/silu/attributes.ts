/** What the kernels of silu are given: tensors by name (a '?' marks one that may be left out), and host values. */

export type SiluInputs = 'x'
export type SiluGradInputs = 'x' | 'dy'

export interface SiluAttributes {
  size: number
}
