import type { WebgpuKernel } from '../../engine/webgpu.ts'
import type { SumOfSquaresAttributes } from './index.ts'

export const sumOfSquaresWebgpu: WebgpuKernel<SumOfSquaresAttributes> = () => {
  throw new Error('globalNorm: no webgpu kernel yet')
}
