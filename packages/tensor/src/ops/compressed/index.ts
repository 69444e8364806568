/**
 * Compressed weights (engine/compressed.ts): made here, and read row by row.
 *
 *   decompressRows   weight [N,D] compressed  ids Int32Array [T]  ->  float32 [T,D]      id -1 gives a row of zeros
 *
 * An embedding is these rows. A linear layer has kernels that read the weight as it lies (linear.ts).
 */
import { ArgumentError } from '@casa-js/base'
import { checkIds } from '../../engine/check.ts'
import { defineKernel } from '../../engine/kernel.ts'
import { markCompressed, compressedForm } from '../../engine/compressed.ts'
import { sizeOf, type Tensor } from '../../engine/tensor.ts'
import { tensor } from '../create/index.ts'
import { decompressBlocks } from '../block-linear/index.ts'
import { createQuantizedWeight, type QuantizedMatrix } from '../quantized-linear/index.ts'
import type { DecompressRowsAttributes, DecompressRowsInputs } from './attributes.ts'
import { decompressRowsCpu } from './cpu.ts'
import { decompressRowsWasm } from './wasm.ts'
import { decompressRowsWebgpu } from './webgpu.ts'

const runDecompressRows = /* @__PURE__ */ defineKernel<DecompressRowsInputs, DecompressRowsAttributes, [rows: Tensor]>(
  'DecompressRows',
  { cpu: decompressRowsCpu, wasm: decompressRowsWasm, webgpu: decompressRowsWebgpu },
)

/**
 * A weight [O, D] that stays in 16-bit floats on the device, two values per int32 word. The caller disposes it.
 * @param words the values row by row, value 2i in the low half of word i
 * @param shape [O, D]
 * @throws ArgumentError if the words are not as many as the shape needs
 */
export function createCompressedWeight(words: Int32Array, shape: readonly number[], kind: 'bf16' | 'f16'): Tensor {
  const [outputs, inputs] = shape as [number, number]
  const count = Math.ceil(sizeOf(shape) / 2)
  if (shape.length !== 2 || words.length !== count)
    throw new ArgumentError(`createCompressedWeight: ${words.length} words for [${shape}], expected ${count} words of a matrix`)
  return markCompressed(tensor(words, [count]), { kind, shape: [outputs, inputs] })
}

/**
 * A weight [O, D] that stays in 8 or 4 bits on the device, with its scales. The caller disposes it; `dispose` and `keep` take the scales
 * along.
 */
export function createCompressedQuantizedWeight(matrix: QuantizedMatrix): Tensor {
  const { values, scales, outputs, inputs, bits, group } = createQuantizedWeight(matrix)
  return markCompressed(values, { kind: 'quantized', shape: [outputs, inputs], bits, group, scales })
}

/**
 * Rows of a compressed weight [N, D] by index, as float32 [T, D]; id -1 gives a row of zeros. Not differentiable.
 * @throws ArgumentError naming the first id outside -1 .. N - 1, or if the tensor is not a compressed weight
 */
export function decompressRows(weight: Tensor, ids: Int32Array): Tensor {
  const form = compressedForm(weight)
  if (!form) throw new ArgumentError(`decompressRows: a tensor of shape [${weight.shape}] is not a compressed weight`)
  const [rows, width] = form.shape
  checkIds('decompressRows', ids, rows)
  if (form.kind === 'blocks') return decompressBlocks(weight, form, ids)
  if (form.kind !== 'quantized')
    return runDecompressRows({ compressed: weight }, { ids, rows, width, format: form.kind, group: 0 })[0]
  const { bits, group, scales } = form
  return runDecompressRows({ compressed: weight, scales }, { ids, rows, width, format: `q${bits}`, group })[0]
}

/** Rows begin .. begin + count - 1 of a compressed weight [N, D] as float32 [count, D]. */
export function decompressRange(weight: Tensor, begin: number, count: number): Tensor {
  const ids = Int32Array.from({ length: count }, (_, i) => begin + i)
  return decompressRows(weight, ids)
}

/**
 * A compressed weight [O, D] as a new float32 tensor [O, D]. Not differentiable.
 * @throws ArgumentError if the tensor is not a compressed weight
 */
export function decompressWeight(weight: Tensor): Tensor {
  const form = compressedForm(weight)
  if (!form) throw new ArgumentError(`decompressWeight: a tensor of shape [${weight.shape}] is not a compressed weight`)
  return decompressRange(weight, 0, form.shape[0])
}
