/** What the kernels of cross-entropy are given: tensors by name (a '?' marks one that may be left out), and host values. */

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
