import type { CpuKernel } from '../../engine/cpu.ts'
import type { WriteRowsAttributes } from './index.ts'

/** In place: writes target; returns nothing. */
export const writeRowsCpu: CpuKernel<WriteRowsAttributes> = ({ target, rows }, { offset, width }) => {
  target.data.set(rows.data, offset * width)
  return []
}
