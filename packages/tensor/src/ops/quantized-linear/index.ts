/**
 * quantizedLinear: y = x Wᵀ + bias with W in 8 or 4 bits (quantize.ts), never decompressed as a whole.
 *
 *   x [..,D]  weight [O,D] compressed  bias [O], optional  ->  [..,O]      products are summed in float32
 *
 * For read-only weights: gradients are computed for x and bias. For one row, as in decoding, there is a matrix-vector path that reads
 * each compressed word once.
 */
import { ArgumentError } from '@casa-js/base'
import { expectShape, matrixOf } from '../../engine/check.ts'
import { defineKernel } from '../../engine/kernel.ts'
import { scope } from '../../engine/scope.ts'
import { record } from '../../engine/tape.ts'
import type { Tensor } from '../../engine/tensor.ts'
import { columnSum } from '../column-sum/index.ts'
import { tensor } from '../create/index.ts'
import type { QuantizedLinearAttributes, QuantizedLinearGradInputs, QuantizedLinearInputs } from './attributes.ts'
import { quantizedLinearCpu, quantizedLinearGradCpu } from './cpu.ts'
import { reshape } from '../shape/index.ts'
import type { QuantizedMatrix } from './quantize.ts'
import { quantizedLinearGradWasm, quantizedLinearWasm } from './wasm.ts'
import { quantizedLinearGradWebgpu, quantizedLinearWebgpu } from './webgpu.ts'

export * from './quantize.ts'

const runQuantizedLinear = /* @__PURE__ */ defineKernel<QuantizedLinearInputs, QuantizedLinearAttributes, [y: Tensor]>(
  'QuantizedLinear',
  {
    cpu: quantizedLinearCpu,
    wasm: quantizedLinearWasm,
    webgpu: quantizedLinearWebgpu,
  },
)
const runQuantizedLinearGrad = /* @__PURE__ */ defineKernel<QuantizedLinearGradInputs, QuantizedLinearAttributes, [dx: Tensor]>(
  'QuantizedLinearGrad',
  {
    cpu: quantizedLinearGradCpu,
    wasm: quantizedLinearGradWasm,
    webgpu: quantizedLinearGradWebgpu,
  },
)

/** A compressed weight on the device: values int32 [O, words], scales int32 [ceil(O G / 2)]. Its owner disposes both tensors. */
export interface QuantizedWeight extends Omit<QuantizedMatrix, 'values' | 'scales'> {
  values: Tensor
  scales: Tensor
}

/** Put a quantised matrix on the device: values int32 [O, words], scales int32 [ceil(O G / 2)]. The caller disposes both. */
export function createQuantizedWeight({ values, scales, ...form }: QuantizedMatrix): QuantizedWeight {
  const words = Math.ceil((form.inputs * form.bits) / 32)
  return { ...form, values: tensor(values, [form.outputs, words]), scales: tensor(scales, [scales.length]) }
}

/**
 * y = x Wᵀ + bias with W [O, D] in 8 or 4 bits: x [.., D], bias [O] give [.., O]. Products are summed in float32. The gradient reaches x and
 * bias.
 * @throws ArgumentError if x's width is not the weight's, or the tensors of values and scales do not fit their description
 */
export function quantizedLinear(x: Tensor, weight: QuantizedWeight, bias?: Tensor): Tensor {
  const { values, scales, inputs, outputs, bits, group } = weight
  const { rows, width } = matrixOf('quantizedLinear', 'x', x)
  if (width !== inputs) throw new ArgumentError(`quantizedLinear: x has shape [${x.shape}], expected a last axis of ${inputs}`)
  expectShape('quantizedLinear', 'values', values, [outputs, Math.ceil((inputs * bits) / 32)])
  expectShape('quantizedLinear', 'scales', scales, [Math.ceil((outputs * Math.ceil(inputs / group)) / 2)])
  if (bias) expectShape('quantizedLinear', 'bias', bias, [outputs])
  const attributes = { rows, inputs, outputs, bits, group }
  const [y] = runQuantizedLinear({ x, values, scales, bias }, attributes)
  record([x, bias], [y], ([dy], [needsX, needsBias]) => {
    const [dx] = needsX ? runQuantizedLinearGrad({ dy: dy!, values, scales }, attributes) : []
    return [dx, needsBias ? scope(() => columnSum(reshape(dy!, [rows, outputs]))) : undefined]
  })
  return y
}
