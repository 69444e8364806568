import type { WasmKernel } from '../../engine/wasm.ts'
import type { GeluAttributes } from './index.ts'

export const geluWasm: WasmKernel<GeluAttributes> = () => {
  throw new Error('gelu: no wasm kernel yet')
}

export const geluGradWasm: WasmKernel<GeluAttributes> = () => {
  throw new Error('gelu: no wasm kernel yet')
}
