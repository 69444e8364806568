/** What the kernels of attention are given: tensors by name (a '?' marks one that may be left out), and host values. */

export type AttentionInputs = 'q' | 'k' | 'v'
export type AttentionGradInputs = 'q' | 'k' | 'v' | 'o' | 'lse' | 'dO'

export interface AttentionAttributes {
  cuQ: Int32Array
  cuK: Int32Array
  causal: boolean
  /** Most keys that a query sees, counted back from the last one that causality leaves it; `unbounded` for all of them. */
  window: number
  scale: number
}

/** A window that holds any segment, and may be added to any position without leaving 32 bits. */
export const unbounded = 2 ** 30
