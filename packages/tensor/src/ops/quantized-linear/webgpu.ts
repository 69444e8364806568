import type { WebgpuKernel } from '../../engine/webgpu.ts'
import type { QuantizedLinearAttributes } from './index.ts'

export const quantizedLinearWebgpu: WebgpuKernel<QuantizedLinearAttributes> = () => {
  throw new Error('quantizedLinear: no webgpu kernel yet')
}

export const quantizedLinearGradWebgpu: WebgpuKernel<QuantizedLinearAttributes> = () => {
  throw new Error('quantizedLinear: no webgpu kernel yet')
}
