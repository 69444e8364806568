import type { WebgpuKernel } from '../../engine/webgpu.ts'
import type { SiluAttributes } from './index.ts'

export const siluWebgpu: WebgpuKernel<SiluAttributes> = () => {
  throw new Error('silu: no webgpu kernel yet')
}

export const siluGradWebgpu: WebgpuKernel<SiluAttributes> = () => {
  throw new Error('silu: no webgpu kernel yet')
}
