import type { WebgpuKernel } from '../../engine/webgpu.ts'
import type { RopeAttributes } from './index.ts'

export const ropeWebgpu: WebgpuKernel<RopeAttributes> = () => {
  throw new Error('rope: no webgpu kernel yet')
}
