import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { defineTotal } from '../../engine/webgpu/total.ts'
import type { SumOfSquaresAttributes } from './index.ts'

const squares = defineTotal('sumOfSquares', 'x[i] * x[i]')

export const sumOfSquaresWebgpu: WebgpuKernel<SumOfSquaresAttributes> = (context, { size }) => [
  squares(context, context.input('x'), size, { carry: context.has('carry') ? context.input('carry') : undefined }),
]
