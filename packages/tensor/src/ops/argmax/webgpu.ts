import type { WebgpuKernel } from '../../engine/webgpu.ts'
import type { ArgMaxAttributes } from './index.ts'

export const argMaxWebgpu: WebgpuKernel<ArgMaxAttributes> = () => {
  throw new Error('argmax: no webgpu kernel yet')
}
