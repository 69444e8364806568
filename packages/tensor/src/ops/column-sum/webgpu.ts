import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { defineColumnSums } from '../../engine/webgpu/column-sums.ts'
import type { ColumnSumAttributes, ColumnSumInputs } from './attributes.ts'

const columnSums = defineColumnSums({ name: 'columnSum', matrices: ['x'], terms: { sums: 'x[i]' } })

export const columnSumWebgpu: WebgpuKernel<ColumnSumInputs, ColumnSumAttributes> = (context, { M, N }) => {
  const { sums } = columnSums(context, { x: context.input('x') }, M, N)
  return [sums]
}
