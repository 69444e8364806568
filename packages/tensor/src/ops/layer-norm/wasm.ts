import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { LayerNormAttributes, LayerNormGradAttributes } from './index.ts'

export const layerNormWasm: WasmKernel<LayerNormAttributes> = (context, { rows, width, eps }) => {
  const x = context.input('x')
  const [weight, bias] = ['weight', 'bias'].map((name) => context.input(name).pointer)
  const y = context.output(x.shape)
  const mean = context.output([rows])
  const inverse = context.output([rows])
  context.exports.layerNorm(x.pointer, weight, bias, y, mean, inverse, rows, width, eps)
}

export const layerNormGradWasm: WasmKernel<LayerNormGradAttributes> = (context, { rows, width }) => {
  const x = context.input('x')
  const [weight, mean, inverse, dy] = ['weight', 'mean', 'inverse', 'dy'].map((name) => context.input(name).pointer)
  const dx = context.output(x.shape)
  const dWeight = context.output([width])
  const dBias = context.output([width])
  context.exports.layerNormGrad(x.pointer, weight, mean, inverse, dy, dx, dWeight, dBias, rows, width)
}
