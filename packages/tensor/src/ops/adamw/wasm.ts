import type { WasmKernel } from '../../engine/wasm.ts'
import type { AdamWAttributes } from './index.ts'

export const adamwWasm: WasmKernel<AdamWAttributes> = () => {
  throw new Error('adamwStep: no wasm kernel yet')
}
