import type { WebgpuKernel } from '../../engine/webgpu.ts'
import type { RmsNormAttributes, RmsNormGradAttributes } from './index.ts'

export const rmsNormWebgpu: WebgpuKernel<RmsNormAttributes> = () => {
  throw new Error('rmsNorm: no webgpu kernel yet')
}

export const rmsNormGradWebgpu: WebgpuKernel<RmsNormGradAttributes> = () => {
  throw new Error('rmsNorm: no webgpu kernel yet')
}
