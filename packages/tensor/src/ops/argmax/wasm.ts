import type { WasmKernel } from '../../engine/wasm.ts'
import type { ArgMaxAttributes } from './index.ts'

export const argMaxWasm: WasmKernel<ArgMaxAttributes> = () => {
  throw new Error('argmax: no wasm kernel yet')
}
