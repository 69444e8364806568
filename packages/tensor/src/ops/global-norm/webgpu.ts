import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { defineTotal } from '../../engine/webgpu/total.ts'
import type { SumOfSquaresAttributes, SumOfSquaresInputs } from './attributes.ts'

const squares = defineTotal('sumOfSquares', 'x[i] * x[i]')

export const sumOfSquaresWebgpu: WebgpuKernel<SumOfSquaresInputs, SumOfSquaresAttributes> = (context, { size }) => [
  squares(context, context.input('x'), size, { carry: context.optional('carry') }),
]
