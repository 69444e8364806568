/**
 * layerNorm (Ba et al. 2016):  y = (x - mean) / sqrt(variance + eps) * weight + bias      x [..,D], weight, bias [D] -> [..,D]
 *
 * The variance is the population's (over D, not D - 1). Mean and inverse root, [rows] each, are kept for the way back.
 */
import { expectShape, matrixOf } from '../../engine/check.ts'
import { defineKernel, run } from '../../engine/kernel.ts'
import { dispose } from '../../engine/scope.ts'
import { record } from '../../engine/tape.ts'
import type { Tensor } from '../../engine/tensor.ts'
import type { NormOptions } from '../rms-norm/index.ts'
import { layerNormCpu, layerNormGradCpu } from './cpu.ts'
import { layerNormGradWasm, layerNormWasm } from './wasm.ts'
import { layerNormGradWebgpu, layerNormWebgpu } from './webgpu.ts'

export interface LayerNormGradAttributes extends Record<string, unknown> {
  rows: number
  width: number
}
export interface LayerNormAttributes extends LayerNormGradAttributes {
  eps: number
}

defineKernel<LayerNormAttributes>('LayerNorm', { cpu: layerNormCpu, wasm: layerNormWasm, webgpu: layerNormWebgpu })
defineKernel<LayerNormGradAttributes>('LayerNormGrad', {
  cpu: layerNormGradCpu,
  wasm: layerNormGradWasm,
  webgpu: layerNormGradWebgpu,
})

/**
 * x [..,D], weight [D], bias [D] -> [..,D]
 * @throws ArgumentError if weight or bias do not have x's width.
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, { eps }: NormOptions): Tensor {
  const { rows, width } = matrixOf('layerNorm', 'x', x)
  expectShape('layerNorm', 'weight', weight, [width])
  expectShape('layerNorm', 'bias', bias, [width])
  const [y, mean, inverse] = run('LayerNorm', { x, weight, bias }, { rows, width, eps })
  record([x, weight, bias], [y, mean, inverse], ([dy]) => run('LayerNormGrad', { x, weight, mean, inverse, dy }, { rows, width }))
  dispose(mean, inverse)
  return y
}
