import type { WasmKernel } from '../../engine/wasm.ts'
import type { CrossEntropyAttributes, CrossEntropyGradAttributes } from './index.ts'

export const crossEntropyWasm: WasmKernel<CrossEntropyAttributes> = () => {
  throw new Error('crossEntropy: no wasm kernel yet')
}

export const crossEntropyGradWasm: WasmKernel<CrossEntropyGradAttributes> = () => {
  throw new Error('crossEntropy: no wasm kernel yet')
}
