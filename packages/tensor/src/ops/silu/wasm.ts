import type { WasmKernel } from '../../engine/wasm.ts'
import type { SiluAttributes } from './index.ts'

export const siluWasm: WasmKernel<SiluAttributes> = () => {
  throw new Error('silu: no wasm kernel yet')
}

export const siluGradWasm: WasmKernel<SiluAttributes> = () => {
  throw new Error('silu: no wasm kernel yet')
}
