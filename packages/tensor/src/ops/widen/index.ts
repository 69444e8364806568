/**
 * widenBf16, widenF16: 16-bit weights, stored two per int32 word, become float32 on the device.
 *
 *   halves int32 [ceil(size/2)]  ->  float32 of `shape`         value 2i is the low half of word i
 *
 * Weights that are used rarely, or one layer at a time, stay at half the memory. Not differentiable.
 */
import { ArgumentError } from '@casa-js/base'
import { expectShape } from '../../engine/check.ts'
import { defineKernel } from '../../engine/kernel.ts'
import { sizeOf, type Tensor } from '../../engine/tensor.ts'
import type { WidenAttributes, WidenInputs } from './attributes.ts'
import { widenCpu } from './cpu.ts'
import { widenWasm } from './wasm.ts'
import { widenWebgpu } from './webgpu.ts'

export { floatToHalf, halfToFloat, joinHalves } from '@casa-js/base/internal'

const runWiden = /* @__PURE__ */ defineKernel<WidenInputs, WidenAttributes, [values: Tensor]>('Widen', {
  cpu: widenCpu,
  wasm: widenWasm,
  webgpu: widenWebgpu,
})

/**
 * 16-bit brain floats as float32: the words of `halves` int32 [ceil(size / 2)] give a new tensor of `shape`. Value 2i is the low half of
 * word i. Not differentiable.
 * @throws ArgumentError if the words are not as many as the shape needs
 */
export function widenBf16(halves: Tensor, shape: number[]): Tensor {
  return widen('widenBf16', 'bf16', halves, shape)
}

/**
 * IEEE half floats as float32, subnormals included: the words of `halves` int32 [ceil(size / 2)] give a new tensor of `shape`. Value 2i is the
 * low half of word i. Not differentiable.
 * @throws ArgumentError if the words are not as many as the shape needs
 */
export function widenF16(halves: Tensor, shape: number[]): Tensor {
  return widen('widenF16', 'f16', halves, shape)
}

function widen(operator: string, format: WidenAttributes['format'], halves: Tensor, shape: number[]): Tensor {
  const size = sizeOf(shape)
  expectShape(operator, 'halves', halves, [Math.ceil(size / 2)])
  if (halves.dtype !== 'int32') throw new ArgumentError(`${operator}: halves must be int32, got ${halves.dtype}`)
  return runWiden({ halves }, { size, shape, format })[0]
}
