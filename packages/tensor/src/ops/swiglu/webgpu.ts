import type { WebgpuKernel } from '../../engine/webgpu.ts'
import type { SwigluAttributes } from './index.ts'

export const swigluWebgpu: WebgpuKernel<SwigluAttributes> = () => {
  throw new Error('swiglu: no webgpu kernel yet')
}

export const swigluGradWebgpu: WebgpuKernel<SwigluAttributes> = () => {
  throw new Error('swiglu: no webgpu kernel yet')
}
