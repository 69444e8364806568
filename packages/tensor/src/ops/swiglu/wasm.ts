import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { SwigluAttributes, SwigluGradInputs, SwigluInputs } from './attributes.ts'

export const swigluWasm: WasmKernel<SwigluInputs, SwigluAttributes> = (context, { size }) => {
  const gate = context.input('gate')
  const up = context.input('up').pointer
  context.exports.swiglu(gate.pointer, up, context.output(gate.shape), size)
}

export const swigluGradWasm: WasmKernel<SwigluGradInputs, SwigluAttributes> = (context, { size }) => {
  const gate = context.input('gate')
  const [up, dy] = context.pointers('up', 'dy')
  const dGate = context.output(gate.shape)
  const dUp = context.output(gate.shape)
  context.exports.swigluGrad(gate.pointer, up, dy, dGate, dUp, size)
}
