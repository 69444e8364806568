/** What the kernels of attention are given: tensors by name (a '?' marks one that may be left out), and host values. */

export type AttentionInputs = 'q' | 'k' | 'v'
export type AttentionGradInputs = 'q' | 'k' | 'v' | 'o' | 'lse' | 'dO'

export interface AttentionAttributes {
  cuQ: Int32Array
  cuK: Int32Array
  causal: boolean
  scale: number
}
