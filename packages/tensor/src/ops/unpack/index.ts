/**
 * unpackBf16, unpackF16: 16-bit weights, kept two to an int32 word, become float32 on the device.
 *
 *   packed int32 [ceil(size/2)]  ->  float32 of `shape`         value 2i is the low half of word i
 *
 * Weights that are used rarely, or one layer at a time, stay at half the memory. Not differentiable.
 */
import { ArgumentError } from '@casa-js/base'
import { expectShape } from '../../engine/check.ts'
import { defineKernel, run } from '../../engine/kernel.ts'
import { sizeOf, type Tensor } from '../../engine/tensor.ts'
import { unpackCpu } from './cpu.ts'
import { unpackWasm } from './wasm.ts'
import { unpackWebgpu } from './webgpu.ts'

export { floatToHalf, halfToFloat, packHalves } from './half.ts'

export interface UnpackAttributes extends Record<string, unknown> {
  size: number
  shape: number[]
  format: 'bf16' | 'f16'
}

defineKernel<UnpackAttributes>('Unpack', { cpu: unpackCpu, wasm: unpackWasm, webgpu: unpackWebgpu })

/** bfloat16: the upper half of a float32. @throws ArgumentError if the words are not as many as the shape needs. */
export function unpackBf16(packed: Tensor, shape: number[]): Tensor {
  return unpack('unpackBf16', 'bf16', packed, shape)
}

/** IEEE half, with subnormals. @throws ArgumentError if the words are not as many as the shape needs. */
export function unpackF16(packed: Tensor, shape: number[]): Tensor {
  return unpack('unpackF16', 'f16', packed, shape)
}

function unpack(operator: string, format: UnpackAttributes['format'], packed: Tensor, shape: number[]): Tensor {
  const size = sizeOf(shape)
  expectShape(operator, 'packed', packed, [Math.ceil(size / 2)])
  if (packed.dtype !== 'int32') throw new ArgumentError(`${operator}: packed must be int32, got ${packed.dtype}`)
  return run('Unpack', { packed }, { size, shape, format })[0]!
}
