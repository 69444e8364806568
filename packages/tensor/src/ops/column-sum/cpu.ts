import type { CpuKernel } from '../../engine/cpu.ts'
import type { ColumnSumAttributes, ColumnSumInputs } from './attributes.ts'

export const columnSumCpu: CpuKernel<ColumnSumInputs, ColumnSumAttributes> = ({ x }, { M, N }) => {
  const sums = new Float64Array(N)
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < N; n++) sums[n]! += x.data[m * N + n]!
  }
  return [{ data: Float32Array.from(sums), shape: [N] }]
}
