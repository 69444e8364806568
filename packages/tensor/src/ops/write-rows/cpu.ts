import type { CpuKernel } from '../../engine/cpu.ts'
import type { WriteRowsAttributes, WriteRowsInputs } from './attributes.ts'

/** In place: writes target; returns nothing. */
export const writeRowsCpu: CpuKernel<WriteRowsInputs, WriteRowsAttributes> = ({ target, rows }, { offset, width }) => {
  target.data.set(rows.data, offset * width)
  return []
}
