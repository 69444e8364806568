/** y = x Wᵀ + bias and dx = dy W: matMul's programs, which widen the 16-bit side as they read it. */
import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { product } from '../matmul/webgpu.ts'
import type { HalfLinearAttributes, HalfLinearGradInputs, HalfLinearInputs } from './attributes.ts'

export const halfLinearWebgpu: WebgpuKernel<HalfLinearInputs, HalfLinearAttributes> = (
  context,
  { rows, inputs, outputs, format },
) => {
  const x = context.input('x')
  const y = context.output([...x.shape.slice(0, -1), outputs])
  const sizes = { M: rows, N: outputs, K: inputs, transposeA: false, transposeB: true }
  product(context, { a: x, b: context.input('halves'), c: y, bias: context.optional('bias') }, sizes, format)
  return [y]
}

export const halfLinearGradWebgpu: WebgpuKernel<HalfLinearGradInputs, HalfLinearAttributes> = (
  context,
  { rows, inputs, outputs, format },
) => {
  const dy = context.input('dy')
  const dx = context.output([...dy.shape.slice(0, -1), inputs])
  const sizes = { M: rows, N: inputs, K: outputs, transposeA: false, transposeB: false }
  product(context, { a: dy, b: context.input('halves'), c: dx, bias: undefined }, sizes, format)
  return [dx]
}
