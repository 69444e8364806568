/**
 * halfLinear: y = x Wᵀ + bias with W in 16-bit floats, widened as it is read and never stored as float32.
 *
 *   x [..,D]  weight [O,D] in 16-bit floats, two values per word  bias [O], optional  ->  [..,O]      products are summed in float32
 *
 * For read-only weights: gradients are computed for x and bias. For few rows, as in decoding, there is a path that reads each compressed
 * word once. Called by `linear` (../compressed/linear.ts), which has checked x.
 */
import { expectShape } from '../../engine/check.ts'
import { defineKernel } from '../../engine/kernel.ts'
import type { CompressedForm } from '../../engine/compressed.ts'
import { scope } from '../../engine/scope.ts'
import { record } from '../../engine/tape.ts'
import { sizeOf, type Tensor } from '../../engine/tensor.ts'
import { columnSum } from '../column-sum/index.ts'
import { reshape } from '../shape/index.ts'
import type { HalfLinearAttributes, HalfLinearGradInputs, HalfLinearInputs } from './attributes.ts'
import { halfLinearCpu, halfLinearGradCpu } from './cpu.ts'
import { halfLinearGradWasm, halfLinearWasm } from './wasm.ts'
import { halfLinearGradWebgpu, halfLinearWebgpu } from './webgpu.ts'

const runHalfLinear = /* @__PURE__ */ defineKernel<HalfLinearInputs, HalfLinearAttributes, [y: Tensor]>('HalfLinear', {
  cpu: halfLinearCpu,
  wasm: halfLinearWasm,
  webgpu: halfLinearWebgpu,
})
const runHalfLinearGrad = /* @__PURE__ */ defineKernel<HalfLinearGradInputs, HalfLinearAttributes, [dx: Tensor]>(
  'HalfLinearGrad',
  {
    cpu: halfLinearGradCpu,
    wasm: halfLinearGradWasm,
    webgpu: halfLinearGradWebgpu,
  },
)

/** `halves` has the format that `form` describes; x's last axis is form.shape[1]. @throws ArgumentError if the bias does not fit. */
export function halfLinear(
  x: Tensor,
  halves: Tensor,
  form: Extract<CompressedForm, { kind: 'bf16' | 'f16' }>,
  bias?: Tensor,
): Tensor {
  const [outputs, inputs] = form.shape
  if (bias) expectShape('linear', 'bias', bias, [outputs])
  const rows = sizeOf(x.shape.slice(0, -1))
  const attributes = { rows, inputs, outputs, format: form.kind }
  const [y] = runHalfLinear({ x, halves, bias }, attributes)
  record([x, bias], [y], ([dy], [needsX, needsBias]) => [
    needsX ? runHalfLinearGrad({ dy: dy!, halves }, attributes)[0] : undefined,
    needsBias ? scope(() => columnSum(reshape(dy!, [rows, outputs]))) : undefined,
  ])
  return y
}
