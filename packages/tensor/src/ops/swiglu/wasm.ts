import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { SwigluAttributes } from './index.ts'

export const swigluWasm: WasmKernel<SwigluAttributes> = (context, { size }) => {
  const gate = context.input('gate')
  const up = context.input('up').pointer
  context.exports.swiglu(gate.pointer, up, context.output(gate.shape), size)
}

export const swigluGradWasm: WasmKernel<SwigluAttributes> = (context, { size }) => {
  const gate = context.input('gate')
  const [up, dy] = ['up', 'dy'].map((name) => context.input(name).pointer)
  const dGate = context.output(gate.shape)
  const dUp = context.output(gate.shape)
  context.exports.swigluGrad(gate.pointer, up, dy, dGate, dUp, size)
}
