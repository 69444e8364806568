import type { WebgpuKernel } from '../../engine/webgpu.ts'
import type { GatherRowsAttributes } from './index.ts'

export const gatherRowsWebgpu: WebgpuKernel<GatherRowsAttributes> = () => {
  throw new Error('gatherRows: no webgpu kernel yet')
}
