import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { defineElementwise } from '../../engine/webgpu/elementwise.ts'
import { sigmoid } from '../../engine/webgpu/snippets.ts'
import type { SwigluAttributes, SwigluGradInputs, SwigluInputs } from './attributes.ts'

const swiglu = defineElementwise({
  name: 'swiglu',
  inputs: ['gate', 'up'],
  outputs: ['y'],
  declarations: sigmoid,
  body: 'y[i] = gate[i] * sigmoid(gate[i]) * up[i];',
})

const swigluGrad = defineElementwise({
  name: 'swiglu gradient',
  inputs: ['gate', 'up', 'dy'],
  outputs: ['dGate', 'dUp'],
  declarations: sigmoid,
  body: `
  let x = gate[i];
  let s = sigmoid(x);
  dGate[i] = dy[i] * up[i] * s * (1.0 + x * (1.0 - s));
  dUp[i] = dy[i] * x * s;`,
})

export const swigluWebgpu: WebgpuKernel<SwigluInputs, SwigluAttributes> = (context, { size }) => {
  const [gate, up] = [context.input('gate'), context.input('up')]
  const y = context.output(gate.shape)
  swiglu(context, { gate, up, y }, size)
  return [y]
}

export const swigluGradWebgpu: WebgpuKernel<SwigluGradInputs, SwigluAttributes> = (context, { size }) => {
  const [gate, up, dy] = [context.input('gate'), context.input('up'), context.input('dy')]
  const [dGate, dUp] = [context.output(gate.shape), context.output(up.shape)]
  swigluGrad(context, { gate, up, dy, dGate, dUp }, size)
  return [dGate, dUp]
}
