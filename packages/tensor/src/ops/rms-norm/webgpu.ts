import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { defineProgram, variants, type Program } from '../../engine/webgpu/program.ts'
import { defineColumnSums } from '../../engine/webgpu/column-sums.ts'
import type { RmsNormAttributes, RmsNormGradAttributes, RmsNormGradInputs, RmsNormInputs } from './attributes.ts'

const lanes = 128

/** One row per workgroup. With y, the sum x + y is written too and read back, each invocation reading its own elements. */
const forward = variants((hasY: boolean): Program<'x' | 'y' | 'weight' | 'sum' | 'normed' | 'inverse', 'width' | 'eps'> =>
  defineProgram({
    name: hasY ? 'add, rmsNorm' : 'rmsNorm',
    inputs: { x: 'f32', y: hasY && 'f32', weight: 'f32' },
    outputs: { sum: hasY && 'f32', normed: 'f32', inverse: 'f32' },
    uniforms: { width: 'u32', eps: 'f32' },
    lanes,
    reductions: ['sumOfGroup'],
    body: `
  let at = group * u.width;
  var squares = 0.0;
  for (var d = lane; d < u.width; d += ${lanes}u) {
    let s = x[at + d]${hasY ? ' + y[at + d]' : ''};
    ${hasY ? 'sum[at + d] = s;' : ''}
    squares += s * s;
  }
  let r = inverseSqrt(sumOfGroup(squares, lane) / f32(u.width) + u.eps);
  if (lane == 0u) { inverse[group] = r; }
  for (var d = lane; d < u.width; d += ${lanes}u) { normed[at + d] = ${hasY ? 'sum' : 'x'}[at + d] * r * weight[d]; }`,
  }),
)

const gradient = variants((hasSum: boolean): Program<'x' | 'weight' | 'inverse' | 'dNormed' | 'dSum' | 'dx', 'width'> =>
  defineProgram({
    name: 'rmsNorm gradient',
    inputs: { x: 'f32', weight: 'f32', inverse: 'f32', dNormed: 'f32', dSum: hasSum && 'f32' },
    outputs: { dx: 'f32' },
    uniforms: { width: 'u32' },
    lanes,
    reductions: ['sumOfGroup'],
    body: `
  let at = group * u.width;
  var dot = 0.0;
  for (var d = lane; d < u.width; d += ${lanes}u) { dot += dNormed[at + d] * weight[d] * x[at + d]; }
  let r = inverse[group];
  let pull = sumOfGroup(dot, lane) / f32(u.width) * r * r;
  for (var d = lane; d < u.width; d += ${lanes}u) {
    let i = at + d;
    dx[i] = r * (dNormed[i] * weight[d] - x[i] * pull)${hasSum ? ' + dSum[i]' : ''};
  }`,
  }),
)

const weightGradient = defineColumnSums({
  name: 'rmsNorm gradient of weight',
  matrices: ['x', 'dNormed'],
  vectors: ['inverse'],
  terms: { dWeight: 'dNormed[i] * x[i] * inverse[row]' },
})

export const rmsNormWebgpu: WebgpuKernel<RmsNormInputs, RmsNormAttributes> = (context, { rows, width, eps }) => {
  const [x, weight] = [context.input('x'), context.input('weight')]
  const given = context.optional('y')
  const hasY = given !== undefined
  const [normed, inverse] = [context.output(x.shape), context.output([rows])]
  const [y, sum] = given ? [given, context.output(x.shape)] : [x, normed]
  const perRow = { x: width, y: width, sum: width, normed: width, inverse: 1 }
  context.runRows(forward(hasY), { x, y, weight, sum, normed, inverse }, { width, eps }, { rows, perRow })
  return hasY ? [sum, normed, inverse] : [normed, inverse]
}

export const rmsNormGradWebgpu: WebgpuKernel<RmsNormGradInputs, RmsNormGradAttributes> = (context, { rows, width }) => {
  const [x, weight, inverse, dNormed] = context.inputs('x', 'weight', 'inverse', 'dNormed')
  const given = context.optional('dSum')
  const dx = context.output(x.shape)
  const dSum = given ?? x
  const perRow = { x: width, inverse: 1, dNormed: width, dSum: width, dx: width }
  context.runRows(gradient(given !== undefined), { x, weight, inverse, dNormed, dSum, dx }, { width }, { rows, perRow })
  const { dWeight } = weightGradient(context, { x, dNormed, inverse }, rows, width)
  return [dx, dWeight]
}
