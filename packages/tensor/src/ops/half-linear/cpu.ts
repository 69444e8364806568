import type { CpuKernel, Plain } from '../../engine/cpu.ts'
import { matMulCpu } from '../matmul/cpu.ts'
import { widenCpu } from '../widen/cpu.ts'
import type { HalfLinearAttributes, HalfLinearGradInputs, HalfLinearInputs } from './attributes.ts'

/** The reference widens the whole weight, for readability. */
const widened = ({ halves }: { halves: Plain }, { inputs, outputs, format }: HalfLinearAttributes) =>
  widenCpu({ halves }, { size: outputs * inputs, shape: [outputs, inputs], format })[0]!

/** y[t,o] = sum_d x[t,d] W[o,d] + bias[o] */
export const halfLinearCpu: CpuKernel<HalfLinearInputs, HalfLinearAttributes> = (given, attributes) => {
  const { x, bias } = given
  const { rows: M, inputs: K, outputs: N } = attributes
  const { data } = matMulCpu({ a: x, b: widened(given, attributes), bias }, { M, N, K, transposeA: false, transposeB: true })[0]!
  return [{ data, shape: [...x.shape.slice(0, -1), N] }]
}

/** dx[t,d] = sum_o dy[t,o] W[o,d] */
export const halfLinearGradCpu: CpuKernel<HalfLinearGradInputs, HalfLinearAttributes> = (given, attributes) => {
  const { dy } = given
  const { rows: M, inputs: N, outputs: K } = attributes
  const { data } = matMulCpu({ a: dy, b: widened(given, attributes) }, { M, N, K, transposeA: false, transposeB: false })[0]!
  return [{ data, shape: [...dy.shape.slice(0, -1), N] }]
}
