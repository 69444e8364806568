import type { WasmKernel } from '../../engine/wasm.ts'
import type { LayerNormAttributes, LayerNormGradAttributes } from './index.ts'

export const layerNormWasm: WasmKernel<LayerNormAttributes> = () => {
  throw new Error('layerNorm: no wasm kernel yet')
}

export const layerNormGradWasm: WasmKernel<LayerNormGradAttributes> = () => {
  throw new Error('layerNorm: no wasm kernel yet')
}
