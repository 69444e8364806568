import type { WebgpuKernel } from '../../engine/webgpu.ts'
import type { ColumnSumAttributes } from './index.ts'

export const columnSumWebgpu: WebgpuKernel<ColumnSumAttributes> = () => {
  throw new Error('columnSum: no webgpu kernel yet')
}
