import type { WebgpuKernel } from '../../engine/webgpu.ts'
import type { WriteRowsAttributes } from './index.ts'

export const writeRowsWebgpu: WebgpuKernel<WriteRowsAttributes> = () => {
  throw new Error('writeRows: no webgpu kernel yet')
}
