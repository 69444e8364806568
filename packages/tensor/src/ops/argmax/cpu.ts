import type { CpuKernel } from '../../engine/cpu.ts'
import type { ArgMaxAttributes, ArgMaxInputs } from './attributes.ts'

export const argMaxCpu: CpuKernel<ArgMaxInputs, ArgMaxAttributes> = ({ x }, { rows, width }) => {
  const indices = new Int32Array(rows)
  for (let t = 0; t < rows; t++) {
    let best = 0
    for (let c = 1; c < width; c++) if (x.data[t * width + c]! > x.data[t * width + best]!) best = c
    indices[t] = best
  }
  return [{ data: indices, shape: x.shape.slice(0, -1) }]
}
