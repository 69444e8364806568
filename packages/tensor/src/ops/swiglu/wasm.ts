import type { WasmKernel } from '../../engine/wasm.ts'
import type { SwigluAttributes } from './index.ts'

export const swigluWasm: WasmKernel<SwigluAttributes> = () => {
  throw new Error('swiglu: no wasm kernel yet')
}

export const swigluGradWasm: WasmKernel<SwigluAttributes> = () => {
  throw new Error('swiglu: no wasm kernel yet')
}
