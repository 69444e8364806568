import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { defineElementwise } from '../../engine/webgpu/elementwise.ts'
import { sigmoid } from '../../engine/webgpu/snippets.ts'
import type { GeluAttributes, GeluGradInputs, GeluInputs } from './attributes.ts'

/**
 * The factor of x. tanh: (1 + tanh v) / 2 is sigmoid(2 v). none: (1 + erf(x / sqrt 2)) / 2, by the fit to erfc in
 * Numerical Recipes (erfcc), whose relative error is below 1.2e-7 everywhere.
 */
const gates = `
${sigmoid}
const slope = 1.5957691216;
const cubic = 0.044715;
fn gateTanh(x: f32) -> f32 { return sigmoid(slope * (x + cubic * x * x * x)); }
fn gateNone(x: f32) -> f32 {
  let z = abs(x) * 0.70710678;
  let t = 1.0 / (1.0 + 0.5 * z);
  let series = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 +
    t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  let tail = 0.5 * t * exp(max(-z * z + series, -80.0));
  return select(tail, 1.0 - tail, x > 0.0);
}`

const forward = (gate: string) =>
  defineElementwise({
    name: `gelu ${gate}`,
    inputs: ['x'],
    outputs: ['y'],
    declarations: gates,
    body: `y[i] = x[i] * ${gate}(x[i]);`,
  })

const geluTanh = forward('gateTanh')
const geluNone = forward('gateNone')

const geluTanhGrad = defineElementwise({
  name: 'gelu tanh gradient',
  inputs: ['x', 'dy'],
  outputs: ['dx'],
  declarations: gates,
  body: `
  let g = gateTanh(x[i]);
  dx[i] = dy[i] * (g + x[i] * g * (1.0 - g) * slope * (1.0 + 3.0 * cubic * x[i] * x[i]));`,
})

const geluNoneGrad = defineElementwise({
  name: 'gelu gradient',
  inputs: ['x', 'dy'],
  outputs: ['dx'],
  declarations: gates,
  body: `
  let density = 0.39894228 * exp(max(-0.5 * x[i] * x[i], -80.0));
  dx[i] = dy[i] * (gateNone(x[i]) + x[i] * density);`,
})

export const geluWebgpu: WebgpuKernel<GeluInputs, GeluAttributes> = (context, { size, approximate }) => {
  const x = context.input('x')
  const y = context.output(x.shape)
  const program = approximate === 'tanh' ? geluTanh : geluNone
  program(context, { x, y }, size)
  return [y]
}

export const geluGradWebgpu: WebgpuKernel<GeluGradInputs, GeluAttributes> = (context, { size, approximate }) => {
  const [x, dy] = [context.input('x'), context.input('dy')]
  const dx = context.output(x.shape)
  const program = approximate === 'tanh' ? geluTanhGrad : geluNoneGrad
  program(context, { x, dy, dx }, size)
  return [dx]
}
