import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { defineElementwise } from '../../engine/webgpu/elementwise.ts'
import { sigmoid } from '../../engine/webgpu/snippets.ts'
import type { SiluAttributes, SiluGradInputs, SiluInputs } from './attributes.ts'

const silu = defineElementwise({
  name: 'silu',
  inputs: ['x'],
  outputs: ['y'],
  declarations: sigmoid,
  body: 'y[i] = x[i] * sigmoid(x[i]);',
})

const siluGrad = defineElementwise({
  name: 'silu gradient',
  inputs: ['x', 'dy'],
  outputs: ['dx'],
  declarations: sigmoid,
  body: `
  let s = sigmoid(x[i]);
  dx[i] = dy[i] * s * (1.0 + x[i] * (1.0 - s));`,
})

export const siluWebgpu: WebgpuKernel<SiluInputs, SiluAttributes> = (context, { size }) => {
  const x = context.input('x')
  const y = context.output(x.shape)
  silu(context, { x, y }, size)
  return [y]
}

export const siluGradWebgpu: WebgpuKernel<SiluGradInputs, SiluAttributes> = (context, { size }) => {
  const [x, dy] = [context.input('x'), context.input('dy')]
  const dx = context.output(x.shape)
  siluGrad(context, { x, dy, dx }, size)
  return [dx]
}
