import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import type { WriteRowsAttributes, WriteRowsInputs } from './attributes.ts'

/** In place: writes target; returns nothing. A copy between buffers, whatever the dtype. */
export const writeRowsWebgpu: WebgpuKernel<WriteRowsInputs, WriteRowsAttributes> = (context, { offset, rows, width }) => {
  context.copy(context.input('rows'), context.input('target'), offset * width, rows * width)
  return []
}
