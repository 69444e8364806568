import type { WasmKernel } from '../../engine/wasm.ts'
import type { ColumnSumAttributes } from './index.ts'

export const columnSumWasm: WasmKernel<ColumnSumAttributes> = () => {
  throw new Error('columnSum: no wasm kernel yet')
}
