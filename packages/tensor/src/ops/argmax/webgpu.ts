import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { best } from '../top-k/webgpu.ts'
import type { ArgMaxAttributes, ArgMaxInputs } from './attributes.ts'

/** topK's kernel with k = 1. */
export const argMaxWebgpu: WebgpuKernel<ArgMaxInputs, ArgMaxAttributes> = (context, { rows, width }) => {
  const x = context.input('x')
  const values = context.scratch([rows])
  const indices = context.output(x.shape.slice(0, -1), 'int32')
  best(context, x, { rows, width, k: 1 }, { values, indices })
  return [indices]
}
