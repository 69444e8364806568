import type { WasmKernel } from '../../engine/wasm.ts'
import type { AttentionAttributes } from './index.ts'

export const attentionWasm: WasmKernel<AttentionAttributes> = () => {
  throw new Error('attention: no wasm kernel yet')
}

export const attentionGradWasm: WasmKernel<AttentionAttributes> = () => {
  throw new Error('attention: no wasm kernel for the gradient yet')
}
