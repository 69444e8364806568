import type { WasmKernel } from '../../engine/wasm.ts'
import type { GatherRowsAttributes } from './index.ts'

export const gatherRowsWasm: WasmKernel<GatherRowsAttributes> = () => {
  throw new Error('gatherRows: no wasm kernel yet')
}
