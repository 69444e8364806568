import type { CpuKernel } from '../../engine/cpu.ts'
import type { GatherRowsAttributes, GatherRowsInputs } from './attributes.ts'

export const gatherRowsCpu: CpuKernel<GatherRowsInputs, GatherRowsAttributes> = ({ table }, { ids }) => {
  const D = table.shape[1]!
  const out = new Float32Array(ids.length * D)
  ids.forEach((id, t) => {
    if (id >= 0) out.set(table.data.subarray(id * D, (id + 1) * D), t * D)
  })
  return [{ data: out, shape: [ids.length, D] }]
}
