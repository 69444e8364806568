/**
 * Weights in GGUF's blocks (Q4_1, Q4_K, Q6_K), multiplied and read as they lie in the file.
 *
 *   blockLinear       x [..,D]  blocks of W [O,D]  bias [O], optional  ->  [..,O]      y = x Wᵀ + bias
 *   decompressBlocks  blocks of W [N,D]  ids [T]  ->  [T,D]      id -1 gives a row of zeros
 *
 * For read-only weights: gradients are computed for x and bias. Called by `linear`, `decompressRows` and the like (../compressed), which have checked x and ids.
 */
import { ArgumentError } from '@casa-js/base'
import { multipliedBlocks, type BlockType } from '@casa-js/base/internal'
import { expectShape } from '../../engine/check.ts'
import { markCompressed, type CompressedForm } from '../../engine/compressed.ts'
import { defineKernel } from '../../engine/kernel.ts'
import { scope } from '../../engine/scope.ts'
import { record } from '../../engine/tape.ts'
import { sizeOf, type Tensor } from '../../engine/tensor.ts'
import { columnSum } from '../column-sum/index.ts'
import { tensor } from '../create/index.ts'
import { reshape } from '../shape/index.ts'
import type {
  BlockLinearAttributes,
  BlockLinearGradInputs,
  BlockLinearInputs,
  DecompressBlocksAttributes,
  DecompressBlocksInputs,
} from './attributes.ts'
import { blockLinearCpu, blockLinearGradCpu, decompressBlocksCpu } from './cpu.ts'
import { blockLinearGradWasm, blockLinearWasm, decompressBlocksWasm } from './wasm.ts'
import { blockLinearGradWebgpu, blockLinearWebgpu, decompressBlocksWebgpu } from './webgpu.ts'

const runBlockLinear = /* @__PURE__ */ defineKernel<BlockLinearInputs, BlockLinearAttributes, [y: Tensor]>('BlockLinear', {
  cpu: blockLinearCpu,
  wasm: blockLinearWasm,
  webgpu: blockLinearWebgpu,
})
const runBlockLinearGrad = /* @__PURE__ */ defineKernel<BlockLinearGradInputs, BlockLinearAttributes, [dx: Tensor]>(
  'BlockLinearGrad',
  { cpu: blockLinearGradCpu, wasm: blockLinearGradWasm, webgpu: blockLinearGradWebgpu },
)
const runDecompressBlocks = /* @__PURE__ */ defineKernel<DecompressBlocksInputs, DecompressBlocksAttributes, [rows: Tensor]>(
  'DecompressBlocks',
  { cpu: decompressBlocksCpu, wasm: decompressBlocksWasm, webgpu: decompressBlocksWebgpu },
)

/** A weight [O, D] that stays in blocks. */
type BlockForm = Extract<CompressedForm, { kind: 'blocks' }>

/**
 * A weight [O, D] that stays in blocks of a GGUF file. The caller disposes it.
 * @param bytes the blocks of row 0, then those of row 1, and so on
 * @param shape [O, D]
 * @throws ArgumentError if the bytes are not as many as the shape needs, or a row is not made of whole blocks
 */
export function createCompressedBlocks(
  bytes: Uint8Array,
  shape: readonly [outputs: number, inputs: number],
  type: BlockType,
): Tensor {
  const [outputs, inputs] = shape
  const block = multipliedBlocks[type]
  const expected = (outputs * inputs * block.bytes) / block.values
  if (shape.length !== 2 || inputs % block.values !== 0 || bytes.byteLength !== expected)
    throw new ArgumentError(
      `createCompressedBlocks: ${bytes.byteLength} bytes for [${shape}] in ${type}, expected ${expected} bytes in rows of whole blocks of ${block.values}`,
    )
  const words = new Int32Array(Math.ceil(bytes.byteLength / 4))
  new Uint8Array(words.buffer).set(bytes)
  return markCompressed(tensor(words, [words.length]), { kind: 'blocks', shape: [outputs, inputs], type })
}

/** y = x Wᵀ + bias. @throws ArgumentError if the bias does not fit. */
export function blockLinear(x: Tensor, blocks: Tensor, { shape: [outputs, inputs], type }: BlockForm, bias?: Tensor): Tensor {
  if (bias) expectShape('linear', 'bias', bias, [outputs])
  const rows = sizeOf(x.shape.slice(0, -1))
  const attributes = { rows, inputs, outputs, type }
  const [y] = runBlockLinear({ x, blocks, bias }, attributes)
  record([x, bias], [y], ([dy], [needsX, needsBias]) => [
    needsX ? runBlockLinearGrad({ dy: dy!, blocks }, attributes)[0] : undefined,
    needsBias ? scope(() => columnSum(reshape(dy!, [rows, outputs]))) : undefined,
  ])
  return y
}

/** Rows of the weight by index, [T, D]; id -1 gives zeros. */
export function decompressBlocks(blocks: Tensor, { shape: [, width], type }: BlockForm, ids: Int32Array): Tensor {
  return runDecompressBlocks({ blocks }, { ids, width, type })[0]
}
