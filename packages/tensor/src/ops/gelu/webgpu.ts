import type { WebgpuKernel } from '../../engine/webgpu.ts'
import type { GeluAttributes } from './index.ts'

export const geluWebgpu: WebgpuKernel<GeluAttributes> = () => {
  throw new Error('gelu: no webgpu kernel yet')
}

export const geluGradWebgpu: WebgpuKernel<GeluAttributes> = () => {
  throw new Error('gelu: no webgpu kernel yet')
}
