import type { WebgpuKernel } from '../../engine/webgpu.ts'
import type { LayerNormAttributes, LayerNormGradAttributes } from './index.ts'

export const layerNormWebgpu: WebgpuKernel<LayerNormAttributes> = () => {
  throw new Error('layerNorm: no webgpu kernel yet')
}

export const layerNormGradWebgpu: WebgpuKernel<LayerNormGradAttributes> = () => {
  throw new Error('layerNorm: no webgpu kernel yet')
}
