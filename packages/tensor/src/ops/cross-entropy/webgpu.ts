import type { WebgpuKernel } from '../../engine/webgpu.ts'
import type { CrossEntropyAttributes, CrossEntropyGradAttributes } from './index.ts'

export const crossEntropyWebgpu: WebgpuKernel<CrossEntropyAttributes> = () => {
  throw new Error('crossEntropy: no webgpu kernel yet')
}

export const crossEntropyGradWebgpu: WebgpuKernel<CrossEntropyGradAttributes> = () => {
  throw new Error('crossEntropy: no webgpu kernel yet')
}
