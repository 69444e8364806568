import type { WasmKernel } from '../../engine/wasm.ts'
import type { RopeAttributes } from './index.ts'

export const ropeWasm: WasmKernel<RopeAttributes> = () => {
  throw new Error('rope: no wasm kernel yet')
}
