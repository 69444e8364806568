/** Inputs of the attention kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export type AttentionInputs = 'q' | 'k' | 'v'
export type AttentionGradInputs = 'q' | 'k' | 'v' | 'o' | 'lse' | 'dO'

export interface AttentionAttributes {
  cuQ: Int32Array
  cuK: Int32Array
  causal: boolean
  /** The most keys that a query sees, counted back from the last one that the causal mask allows; `unbounded` for no limit. */
  window: number
  scale: number
}

/** A window larger than any segment, which can be added to any position without overflowing 32 bits. */
export const unbounded = 2 ** 30
