import type { WebgpuKernel } from '../../engine/webgpu.ts'
import type { ScatterRowsAttributes } from './index.ts'

export const scatterRowsWebgpu: WebgpuKernel<ScatterRowsAttributes> = () => {
  throw new Error('scatterRows: no webgpu kernel yet')
}
