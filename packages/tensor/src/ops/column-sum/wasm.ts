import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { ColumnSumAttributes, ColumnSumInputs } from './attributes.ts'

export const columnSumWasm: WasmKernel<ColumnSumInputs, ColumnSumAttributes> = (call, { M, N }) => {
  call.exports.columnSum(call.input('x').pointer, M, N, call.output([N]))
}
