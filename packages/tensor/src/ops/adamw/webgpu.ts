import type { WebgpuKernel } from '../../engine/webgpu.ts'
import type { AdamWAttributes } from './index.ts'

export const adamwWebgpu: WebgpuKernel<AdamWAttributes> = () => {
  throw new Error('adamwStep: no webgpu kernel yet')
}
