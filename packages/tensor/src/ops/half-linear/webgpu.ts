/** y = x Wᵀ + bias and dx = dy W: matMul's programs, which widen the 16-bit side as they read it. */
import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { product } from '../matmul/webgpu.ts'
import type { HalfLinearAttributes } from './index.ts'

export const halfLinearWebgpu: WebgpuKernel<HalfLinearAttributes> = (context, { rows, inputs, outputs, format }) => {
  const x = context.input('x')
  const y = context.output([...x.shape.slice(0, -1), outputs])
  const sizes = { M: rows, N: outputs, K: inputs, transposeA: false, transposeB: true }
  product(context, x, context.input('packed'), y, sizes, format)
  return [y]
}

export const halfLinearGradWebgpu: WebgpuKernel<HalfLinearAttributes> = (context, { rows, inputs, outputs, format }) => {
  const dy = context.input('dy')
  const dx = context.output([...dy.shape.slice(0, -1), inputs])
  const sizes = { M: rows, N: inputs, K: outputs, transposeA: false, transposeB: false }
  product(context, dy, context.input('packed'), dx, sizes, format)
  return [dx]
}
