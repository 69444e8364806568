import type { CpuKernel } from '../../engine/cpu.ts'
import type { SumOfSquaresAttributes, SumOfSquaresInputs } from './attributes.ts'

/** carry + sum of x^2 -> scalar. */
export const sumOfSquaresCpu: CpuKernel<SumOfSquaresInputs, SumOfSquaresAttributes> = ({ x, carry }, { size }) => {
  let total = carry ? carry.data[0] : 0
  for (let i = 0; i < size; i++) total! += x.data[i]! ** 2
  return [{ data: Float32Array.of(total!), shape: [] }]
}
