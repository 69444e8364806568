import type { WebgpuKernel } from '../../engine/webgpu.ts'
import type { MatMulAttributes } from './index.ts'

export const matMulWebgpu: WebgpuKernel<MatMulAttributes> = () => {
  throw new Error('matMul: no webgpu kernel yet')
}
