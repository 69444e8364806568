import type { WebgpuKernel } from '../../engine/webgpu.ts'
import type { UnpackAttributes } from './index.ts'

export const unpackWebgpu: WebgpuKernel<UnpackAttributes> = () => {
  throw new Error('unpack: no webgpu kernel yet')
}
