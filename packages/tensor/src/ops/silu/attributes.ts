/** Inputs of the silu kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export type SiluInputs = 'x'
export type SiluGradInputs = 'x' | 'dy'

export interface SiluAttributes {
  size: number
}
