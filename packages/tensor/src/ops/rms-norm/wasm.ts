import type { WasmKernel } from '../../engine/wasm.ts'
import type { RmsNormAttributes, RmsNormGradAttributes } from './index.ts'

export const rmsNormWasm: WasmKernel<RmsNormAttributes> = () => {
  throw new Error('rmsNorm: no wasm kernel yet')
}

export const rmsNormGradWasm: WasmKernel<RmsNormGradAttributes> = () => {
  throw new Error('rmsNorm: no wasm kernel yet')
}
