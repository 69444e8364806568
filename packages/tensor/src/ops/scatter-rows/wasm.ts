import type { WasmKernel } from '../../engine/wasm.ts'
import type { ScatterRowsAttributes } from './index.ts'

export const scatterRowsWasm: WasmKernel<ScatterRowsAttributes> = () => {
  throw new Error('scatterRows: no wasm kernel yet')
}
