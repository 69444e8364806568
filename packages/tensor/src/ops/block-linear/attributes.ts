/** Inputs of the kernels on GGUF's blocks, by name ('?' marks an optional one), and their attributes. */
import type { BlockType } from '@casa-js/base/internal'

export type BlockLinearInputs = 'x' | 'blocks' | 'bias?'
export type BlockLinearGradInputs = 'dy' | 'blocks'

export interface BlockLinearAttributes {
  rows: number
  /** D */
  inputs: number
  /** O */
  outputs: number
  type: BlockType
}

export type DecompressBlocksInputs = 'blocks'

export interface DecompressBlocksAttributes {
  ids: Int32Array
  /** D */
  width: number
  type: BlockType
}
