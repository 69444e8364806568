import type { WebgpuKernel } from '../../engine/webgpu.ts'
import type { TopKAttributes } from './index.ts'

export const topKWebgpu: WebgpuKernel<TopKAttributes> = () => {
  throw new Error('topK: no webgpu kernel yet')
}
