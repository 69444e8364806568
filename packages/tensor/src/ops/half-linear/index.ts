/**
 * halfLinear: y = x Wᵀ + bias with W in 16-bit floats, widened as it is read and never kept as floats.
 *
 *   x [..,D]  weight [O,D] packed, two values a word  bias [O], optional  ->  [..,O]      products are summed in float32
 *
 * For weights that are only read: the gradient reaches x and bias. Few rows, as in decoding, have a path that reads every packed
 * word once. Called by `linear` (../packed/linear.ts), which has checked x.
 */
import { expectShape } from '../../engine/check.ts'
import { defineKernel, run } from '../../engine/kernel.ts'
import type { PackedForm } from '../../engine/packed.ts'
import { scope } from '../../engine/scope.ts'
import { record } from '../../engine/tape.ts'
import { sizeOf, type Tensor } from '../../engine/tensor.ts'
import { columnSum } from '../column-sum/index.ts'
import { reshape } from '../shape/index.ts'
import { halfLinearCpu, halfLinearGradCpu } from './cpu.ts'
import { halfLinearGradWasm, halfLinearWasm } from './wasm.ts'
import { halfLinearGradWebgpu, halfLinearWebgpu } from './webgpu.ts'

export interface HalfLinearAttributes extends Record<string, unknown> {
  rows: number
  /** D */
  inputs: number
  /** O */
  outputs: number
  format: 'bf16' | 'f16'
}

defineKernel<HalfLinearAttributes>('HalfLinear', { cpu: halfLinearCpu, wasm: halfLinearWasm, webgpu: halfLinearWebgpu })
defineKernel<HalfLinearAttributes>('HalfLinearGrad', {
  cpu: halfLinearGradCpu,
  wasm: halfLinearGradWasm,
  webgpu: halfLinearGradWebgpu,
})

/** `packed` is what `form` says; x's last axis is form.shape[1]. @throws ArgumentError if the bias does not fit. */
export function halfLinear(
  x: Tensor,
  packed: Tensor,
  form: Extract<PackedForm, { kind: 'bf16' | 'f16' }>,
  bias?: Tensor,
): Tensor {
  const [outputs, inputs] = form.shape
  if (bias) expectShape('linear', 'bias', bias, [outputs])
  const rows = sizeOf(x.shape.slice(0, -1))
  const attributes = { rows, inputs, outputs, format: form.kind }
  const [y] = run('HalfLinear', { x, packed, bias }, attributes)
  record([x, bias], [y], ([dy], [needsX, needsBias]) => [
    needsX ? run('HalfLinearGrad', { dy, packed }, attributes)[0]! : undefined,
    needsBias ? scope(() => columnSum(reshape(dy!, [rows, outputs]))) : undefined,
  ])
  return y
}
