import type { WebgpuKernel } from '../../engine/webgpu.ts'
import type { AttentionAttributes } from './index.ts'

export const attentionWebgpu: WebgpuKernel<AttentionAttributes> = () => {
  throw new Error('attention: no webgpu kernel yet')
}

export const attentionGradWebgpu: WebgpuKernel<AttentionAttributes> = () => {
  throw new Error('attention: no webgpu kernel for the gradient yet')
}
