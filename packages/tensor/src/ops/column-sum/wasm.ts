import { partOf, type WasmKernel } from '../../engine/wasm/kernel.ts'
import type { ColumnSumAttributes, ColumnSumInputs } from './attributes.ts'

/** Threads are given whole cache lines. */
const unit = 16

export const columnSumWasm: WasmKernel<ColumnSumInputs, ColumnSumAttributes> = (call, { M, N }) => {
  const x = call.input('x').pointer
  const sums = call.output([N])
  call.share('columnSum', { count: N, work: M * N, unit }, (begin, count) => [partOf(x, begin), M, count, partOf(sums, begin), N])
}
