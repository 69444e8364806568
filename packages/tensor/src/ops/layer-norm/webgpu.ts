import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { defineProgram } from '../../engine/webgpu/program.ts'
import { defineColumnSums } from '../../engine/webgpu/column-sums.ts'
import type { LayerNormAttributes, LayerNormGradAttributes, LayerNormGradInputs, LayerNormInputs } from './attributes.ts'

const lanes = 128

/** One row per workgroup; the variance is computed around the mean, in a second pass. */
const forward = defineProgram({
  name: 'layerNorm',
  inputs: { x: 'f32', weight: 'f32', bias: 'f32' },
  outputs: { y: 'f32', mean: 'f32', inverse: 'f32' },
  uniforms: { width: 'u32', eps: 'f32' },
  lanes,
  reductions: ['sumOfGroup'],
  body: `
  let at = group * u.width;
  var total = 0.0;
  for (var d = lane; d < u.width; d += ${lanes}u) { total += x[at + d]; }
  let centre = sumOfGroup(total, lane) / f32(u.width);
  var squares = 0.0;
  for (var d = lane; d < u.width; d += ${lanes}u) { squares += (x[at + d] - centre) * (x[at + d] - centre); }
  let r = inverseSqrt(sumOfGroup(squares, lane) / f32(u.width) + u.eps);
  if (lane == 0u) {
    mean[group] = centre;
    inverse[group] = r;
  }
  for (var d = lane; d < u.width; d += ${lanes}u) { y[at + d] = (x[at + d] - centre) * r * weight[d] + bias[d]; }`,
})

const gradient = defineProgram({
  name: 'layerNorm gradient',
  inputs: { x: 'f32', weight: 'f32', mean: 'f32', inverse: 'f32', dy: 'f32' },
  outputs: { dx: 'f32' },
  uniforms: { width: 'u32' },
  lanes,
  reductions: ['sumOfGroup'],
  body: `
  let at = group * u.width;
  let r = inverse[group];
  var total = 0.0;
  var dot = 0.0;
  for (var d = lane; d < u.width; d += ${lanes}u) {
    let g = dy[at + d] * weight[d];
    total += g;
    dot += g * (x[at + d] - mean[group]) * r;
  }
  let meanOfG = sumOfGroup(total, lane) / f32(u.width);
  let pull = sumOfGroup(dot, lane) / f32(u.width);
  for (var d = lane; d < u.width; d += ${lanes}u) {
    let h = (x[at + d] - mean[group]) * r;
    dx[at + d] = r * (dy[at + d] * weight[d] - meanOfG - h * pull);
  }`,
})

const parameterGradients = defineColumnSums({
  name: 'layerNorm gradients of weight and bias',
  matrices: ['x', 'dy'],
  vectors: ['mean', 'inverse'],
  terms: { dWeight: 'dy[i] * (x[i] - mean[row]) * inverse[row]', dBias: 'dy[i]' },
})

export const layerNormWebgpu: WebgpuKernel<LayerNormInputs, LayerNormAttributes> = (context, { rows, width, eps }) => {
  const [x, weight, bias] = context.inputs('x', 'weight', 'bias')
  const [y, mean, inverse] = [context.output(x.shape), context.output([rows]), context.output([rows])]
  const perRow = { x: width, y: width, mean: 1, inverse: 1 }
  context.runRows(forward, { x, weight, bias, y, mean, inverse }, { width, eps }, { rows, perRow })
  return [y, mean, inverse]
}

export const layerNormGradWebgpu: WebgpuKernel<LayerNormGradInputs, LayerNormGradAttributes> = (context, { rows, width }) => {
  const [x, weight, mean, inverse, dy] = context.inputs('x', 'weight', 'mean', 'inverse', 'dy')
  const dx = context.output(x.shape)
  const perRow = { x: width, mean: 1, inverse: 1, dy: width, dx: width }
  context.runRows(gradient, { x, weight, mean, inverse, dy, dx }, { width }, { rows, perRow })
  const { dWeight, dBias } = parameterGradients(context, { x, dy, mean, inverse }, rows, width)
  return [dx, dWeight, dBias]
}
