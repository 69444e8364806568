/**
 * layerNorm (Ba et al. 2016):  y = (x - mean) / sqrt(variance + eps) * weight + bias      x [..,D], weight, bias [D] -> [..,D]
 *
 * The variance is the population's (over D, not D - 1). Mean and inverse root, [rows] each, are saved for the backward pass.
 */
import { expectShape, matrixOf } from '../../engine/check.ts'
import { defineKernel } from '../../engine/kernel.ts'
import { dispose } from '../../engine/scope.ts'
import { record } from '../../engine/tape.ts'
import type { Tensor } from '../../engine/tensor.ts'
import type { NormOptions } from '../rms-norm/index.ts'
import type { LayerNormAttributes, LayerNormGradAttributes, LayerNormGradInputs, LayerNormInputs } from './attributes.ts'
import { layerNormCpu, layerNormGradCpu } from './cpu.ts'
import { layerNormGradWasm, layerNormWasm } from './wasm.ts'
import { layerNormGradWebgpu, layerNormWebgpu } from './webgpu.ts'

const runLayerNorm = /* @__PURE__ */ defineKernel<
  LayerNormInputs,
  LayerNormAttributes,
  [y: Tensor, mean: Tensor, inverse: Tensor]
>('LayerNorm', { cpu: layerNormCpu, wasm: layerNormWasm, webgpu: layerNormWebgpu })
const runLayerNormGrad = /* @__PURE__ */ defineKernel<
  LayerNormGradInputs,
  LayerNormGradAttributes,
  [dx: Tensor, dWeight: Tensor, dBias: Tensor]
>('LayerNormGrad', {
  cpu: layerNormGradCpu,
  wasm: layerNormGradWasm,
  webgpu: layerNormGradWebgpu,
})

/**
 * Layer normalisation (Ba et al. 2016): (x - mean) / sqrt(variance + eps) * weight + bias over the last axis, with the population variance.
 * x [.., D], weight and bias [D] give [.., D], float32.
 * @throws ArgumentError if weight or bias do not have x's width
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, { eps }: NormOptions): Tensor {
  const { rows, width } = matrixOf('layerNorm', 'x', x)
  expectShape('layerNorm', 'weight', weight, [width])
  expectShape('layerNorm', 'bias', bias, [width])
  const [y, mean, inverse] = runLayerNorm({ x, weight, bias }, { rows, width, eps })
  record([x, weight, bias], [y, mean, inverse], ([dy]) =>
    runLayerNormGrad({ x, weight, mean, inverse, dy: dy! }, { rows, width }),
  )
  dispose(mean, inverse)
  return y
}
