import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { SiluAttributes, SiluGradInputs, SiluInputs } from './attributes.ts'

export const siluWasm: WasmKernel<SiluInputs, SiluAttributes> = (context, { size }) => {
  const x = context.input('x')
  context.exports.silu(x.pointer, context.output(x.shape), size)
}

export const siluGradWasm: WasmKernel<SiluGradInputs, SiluAttributes> = (context, { size }) => {
  const x = context.input('x')
  context.exports.siluGrad(x.pointer, context.input('dy').pointer, context.output(x.shape), size)
}
