/**
 * Packed weights (engine/packed.ts): made here, and read row by row.
 *
 *   unpackRows   weight [N,D] packed  ids Int32Array [T]  ->  float32 [T,D]      id -1 gives a row of zeros
 *
 * An embedding is these rows. A linear layer has kernels that read the weight as it lies (linear.ts).
 */
import { ArgumentError } from '@casa-js/base'
import { defineKernel, run } from '../../engine/kernel.ts'
import { markPacked, packedForm } from '../../engine/packed.ts'
import { sizeOf, type Tensor } from '../../engine/tensor.ts'
import { tensor } from '../create/index.ts'
import { createQuantizedWeight, type QuantizedMatrix } from '../quantized-linear/index.ts'
import { checkIds } from '../scatter-rows/index.ts'
import { unpackRowsCpu } from './cpu.ts'
import { unpackRowsWasm } from './wasm.ts'
import { unpackRowsWebgpu } from './webgpu.ts'

export interface UnpackRowsAttributes extends Record<string, unknown> {
  ids: Int32Array
  /** N */
  rows: number
  /** D */
  width: number
  format: 'bf16' | 'f16' | 'q8' | 'q4'
  /** Columns that share a scale; 0 where there are none. */
  group: number
}

defineKernel<UnpackRowsAttributes>('UnpackRows', { cpu: unpackRowsCpu, wasm: unpackRowsWasm, webgpu: unpackRowsWebgpu })

/**
 * Put a matrix of 16-bit floats on the device as it is: two values a word. The caller disposes it.
 * @throws ArgumentError if the words are not as many as the shape needs.
 */
export function createPackedWeight(words: Int32Array, [outputs, inputs]: readonly number[], kind: 'bf16' | 'f16'): Tensor {
  const count = Math.ceil(sizeOf([outputs, inputs]) / 2)
  if (words.length !== count)
    throw new ArgumentError(`createPackedWeight: ${words.length} words, expected ${count} for [${outputs},${inputs}]`)
  return markPacked(tensor(words, [count]), { kind, shape: [outputs, inputs] })
}

/** Put a quantised matrix on the device as one weight. `dispose` and `keep` take its scales along. */
export function createPackedQuantizedWeight(matrix: QuantizedMatrix): Tensor {
  const { values, scales, outputs, inputs, bits, group } = createQuantizedWeight(matrix)
  return markPacked(values, { kind: 'quantized', shape: [outputs, inputs], bits, group, scales })
}

/** Rows of a packed weight as floats. Not differentiable. @throws ArgumentError naming the first id outside -1 .. N - 1. */
export function unpackRows(weight: Tensor, ids: Int32Array): Tensor {
  const form = packedForm(weight)
  if (!form) throw new ArgumentError(`unpackRows: a tensor of shape [${weight.shape}] is not a packed weight`)
  const [rows, width] = form.shape
  checkIds('unpackRows', ids, rows)
  if (form.kind !== 'quantized')
    return run('UnpackRows', { packed: weight }, { ids, rows, width, format: form.kind, group: 0 })[0]!
  const { bits, group, scales } = form
  return run('UnpackRows', { packed: weight, scales }, { ids, rows, width, format: `q${bits}`, group })[0]!
}

/** Rows begin .. begin + count - 1 as floats. */
export function unpackRange(weight: Tensor, begin: number, count: number): Tensor {
  const ids = Int32Array.from({ length: count }, (_, i) => begin + i)
  return unpackRows(weight, ids)
}

/** The whole matrix [O,D] as floats, a new tensor. */
export function unpackWeight(weight: Tensor): Tensor {
  const form = packedForm(weight)
  if (!form) throw new ArgumentError(`unpackWeight: a tensor of shape [${weight.shape}] is not a packed weight`)
  return unpackRange(weight, 0, form.shape[0])
}
