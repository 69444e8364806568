import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { ColumnSumAttributes } from './index.ts'

export const columnSumWasm: WasmKernel<ColumnSumAttributes> = (call, { M, N }) => {
  call.exports.columnSum(call.input('x').pointer, M, N, call.output([N]))
}
