/** Products of one row with a weight, in the formats that a fused program reads. */
import type { BlockType } from '@casa-js/base/internal'
import type { Operand, PlanNode, Value } from '../nodes.ts'

/** f32, 16-bit floats, int8 and int4 with scales beside them, or GGUF's blocks. */
export type WeightFormat = 'f32' | 'bf16' | 'f16' | 'q8' | 'q4' | BlockType

export interface Product {
  x: Operand
  format: WeightFormat
  weight: Value
  scales: Value | undefined
  bias: Value | undefined
  inputs: number
  outputs: number
  /** Columns that share a scale. */
  group: number
  /** What it binds. */
  buffers: Value[]
}

/** The product that a node is; undefined if it is none, has several rows, or is too large for one binding. */
export function productOf({ kernel, inputs, attributes }: PlanNode, fits: (value: Value) => boolean): Product | undefined {
  const found = describe(kernel, attributes)
  if (!found) return undefined
  const { format, names, rows, ...sizes } = found
  const x = inputs[names[0]!]!
  const [weight, scales] = [inputs[names[1]!]!.value, names[2] ? inputs[names[2]]!.value : undefined]
  const bias = inputs.bias?.value
  const buffers = [weight, scales, bias].filter((value) => value !== undefined)
  // Rows of whole vectors, and of whole words.
  const unit = format === 'q4' ? 8 : 4
  if (rows !== 1 || sizes.inputs % unit !== 0 || !buffers.every((value) => value.external && fits(value))) return undefined
  return { x, format, weight, scales, bias, buffers, ...sizes }
}

interface Described {
  format: WeightFormat
  names: string[]
  rows: number
  inputs: number
  outputs: number
  group: number
}

function describe(kernel: string, attributes: Readonly<Record<string, unknown>>): Described | undefined {
  if (kernel === 'MatMul') {
    const { M, N, K, transposeA, transposeB } = attributes as Record<'M' | 'N' | 'K' | 'transposeA' | 'transposeB', number>
    if (transposeA || !transposeB) return undefined
    return { format: 'f32', names: ['a', 'b'], rows: M, inputs: K, outputs: N, group: 0 }
  }
  if (kernel === 'HalfLinear') {
    const { format, rows, inputs, outputs } = attributes as {
      format: 'bf16' | 'f16'
      rows: number
      inputs: number
      outputs: number
    }
    return { format, names: ['x', 'halves'], rows, inputs, outputs, group: 0 }
  }
  if (kernel === 'QuantizedLinear') {
    const { bits, group, rows, inputs, outputs } = attributes as Record<'bits' | 'group' | 'rows' | 'inputs' | 'outputs', number>
    return { format: bits === 8 ? 'q8' : 'q4', names: ['x', 'values', 'scales'], rows, inputs, outputs, group }
  }
  if (kernel === 'BlockLinear') {
    const { type, rows, inputs, outputs } = attributes as { type: BlockType; rows: number; inputs: number; outputs: number }
    return { format: type, names: ['x', 'blocks'], rows, inputs, outputs, group: 0 }
  }
  return undefined
}
