import type { CpuKernel } from '../../engine/cpu.ts'
import type { ScatterRowsAttributes, ScatterRowsInputs } from './attributes.ts'

export const scatterRowsCpu: CpuKernel<ScatterRowsInputs, ScatterRowsAttributes> = ({ rows }, { ids, N }) => {
  const D = rows.shape[1]!
  const table = new Float32Array(N * D)
  ids.forEach((id, t) => {
    if (id < 0) return
    for (let d = 0; d < D; d++) table[id * D + d]! += rows.data[t * D + d]!
  })
  return [{ data: table, shape: [N, D] }]
}
