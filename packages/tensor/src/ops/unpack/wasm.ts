import type { WasmKernel } from '../../engine/wasm.ts'
import type { UnpackAttributes } from './index.ts'

export const unpackWasm: WasmKernel<UnpackAttributes> = () => {
  throw new Error('unpack: no wasm kernel yet')
}
