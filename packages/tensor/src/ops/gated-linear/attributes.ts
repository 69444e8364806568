/** Inputs of the gated-linear kernel, by name ('?' marks an optional one), and its attributes: values on the host. */
import type { BlockType } from '@casa-js/base/internal'

export type GatedLinearInputs = 'x' | 'gate' | 'gateScales?' | 'gateBias?' | 'up' | 'upScales?' | 'upBias?'

export interface GatedLinearAttributes {
  rows: number
  /** D */
  inputs: number
  /** O */
  outputs: number
  type: 'int4' | BlockType
  /** Columns per scale of int4; 0 for blocks. */
  group: number
}
