import type { CpuKernel, PlainInputs } from '../../engine/cpu.ts'
import { matMulCpu } from '../matmul/cpu.ts'
import { unpackCpu } from '../unpack/cpu.ts'
import type { HalfLinearAttributes } from './index.ts'

/** The reference may unpack everything: it is here to be read. */
const unpacked = ({ packed }: PlainInputs, { inputs, outputs, format }: HalfLinearAttributes) =>
  unpackCpu({ packed }, { size: outputs * inputs, shape: [outputs, inputs], format })[0]

/** y[t,o] = sum_d x[t,d] W[o,d] + bias[o] */
export const halfLinearCpu: CpuKernel<HalfLinearAttributes> = (given, attributes) => {
  const { x, bias } = given
  const { rows: M, inputs: K, outputs: N } = attributes
  const [{ data }] = matMulCpu({ a: x, b: unpacked(given, attributes), bias }, { M, N, K, transposeA: false, transposeB: true })
  return [{ data, shape: [...x.shape.slice(0, -1), N] }]
}

/** dx[t,d] = sum_o dy[t,o] W[o,d] */
export const halfLinearGradCpu: CpuKernel<HalfLinearAttributes> = (given, attributes) => {
  const { dy } = given
  const { rows: M, inputs: N, outputs: K } = attributes
  const [{ data }] = matMulCpu({ a: dy, b: unpacked(given, attributes) }, { M, N, K, transposeA: false, transposeB: false })
  return [{ data, shape: [...dy.shape.slice(0, -1), N] }]
}
