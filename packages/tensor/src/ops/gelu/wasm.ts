import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { GeluAttributes, GeluGradInputs, GeluInputs } from './attributes.ts'

export const geluWasm: WasmKernel<GeluInputs, GeluAttributes> = (context, { size, approximate }) => {
  const x = context.input('x')
  context.exports.gelu(x.pointer, context.output(x.shape), size, Number(approximate === 'tanh'))
}

export const geluGradWasm: WasmKernel<GeluGradInputs, GeluAttributes> = (context, { size, approximate }) => {
  const x = context.input('x')
  const dy = context.input('dy').pointer
  context.exports.geluGrad(x.pointer, dy, context.output(x.shape), size, Number(approximate === 'tanh'))
}
