/** Inputs of the cross-entropy kernels, by name ('?' marks an optional one), and their attributes: values on the host. */

export type CrossEntropyInputs = 'logits' | 'lse?' | 'picked?'
export type CrossEntropyGradInputs = 'logits' | 'lse' | 'dLoss'

export interface CrossEntropyAttributes {
  rows: number
  /** Columns given, C. */
  width: number
  /** Vocabulary id of the first column. */
  start: number
  targets: Int32Array
}

export interface CrossEntropyGradAttributes extends CrossEntropyAttributes {
  /** Already divided by their sum. */
  weights: Float32Array
}
