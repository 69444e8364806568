import type { WasmKernel } from '../../engine/wasm.ts'
import type { TopKAttributes } from './index.ts'

export const topKWasm: WasmKernel<TopKAttributes> = () => {
  throw new Error('topK: no wasm kernel yet')
}
