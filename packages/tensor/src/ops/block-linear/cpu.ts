import { dequantizeBlocks, multipliedBlocks, type BlockType } from '@casa-js/base/internal'
import type { CpuKernel, Plain } from '../../engine/cpu.ts'
import type {
  BlockLinearAttributes,
  BlockLinearGradInputs,
  BlockLinearInputs,
  DecompressBlocksAttributes,
  DecompressBlocksInputs,
} from './attributes.ts'

/** Rows begin .. begin + count - 1 as floats. */
function rowsOf(blocks: Plain, type: BlockType, width: number, begin: number, count: number): Float32Array {
  const { values, bytes } = multipliedBlocks[type]
  const rowBytes = (width / values) * bytes
  const { buffer, byteOffset } = blocks.data
  return dequantizeBlocks(new Uint8Array(buffer, byteOffset + begin * rowBytes, count * rowBytes), type, values, bytes)
}

/** y[t,o] = sum_d x[t,d] W[o,d] + bias[o] */
export const blockLinearCpu: CpuKernel<BlockLinearInputs, BlockLinearAttributes> = (
  { x, blocks, bias },
  { rows, inputs, outputs, type },
) => {
  const y = new Float32Array(rows * outputs)
  for (let o = 0; o < outputs; o++) {
    const weight = rowsOf(blocks, type, inputs, o, 1)
    for (let t = 0; t < rows; t++) {
      let sum = bias ? bias.data[o]! : 0
      for (let d = 0; d < inputs; d++) sum += x.data[t * inputs + d]! * weight[d]!
      y[t * outputs + o] = sum
    }
  }
  return [{ data: y, shape: [...x.shape.slice(0, -1), outputs] }]
}

/** dx[t,d] = sum_o dy[t,o] W[o,d] */
export const blockLinearGradCpu: CpuKernel<BlockLinearGradInputs, BlockLinearAttributes> = (
  { dy, blocks },
  { rows, inputs, outputs, type },
) => {
  const weight = rowsOf(blocks, type, inputs, 0, outputs)
  const dx = new Float32Array(rows * inputs)
  for (let t = 0; t < rows; t++) {
    for (let d = 0; d < inputs; d++) {
      let sum = 0
      for (let o = 0; o < outputs; o++) sum += dy.data[t * outputs + o]! * weight[o * inputs + d]!
      dx[t * inputs + d] = sum
    }
  }
  return [{ data: dx, shape: [...dy.shape.slice(0, -1), inputs] }]
}

export const decompressBlocksCpu: CpuKernel<DecompressBlocksInputs, DecompressBlocksAttributes> = (
  { blocks },
  { ids, width, type },
) => {
  const out = new Float32Array(ids.length * width)
  ids.forEach((id, t) => {
    if (id >= 0) out.set(rowsOf(blocks, type, width, id, 1), t * width)
  })
  return [{ data: out, shape: [ids.length, width] }]
}
