import type { WasmKernel } from '../../engine/wasm.ts'
import type { QuantizedLinearAttributes } from './index.ts'

export const quantizedLinearWasm: WasmKernel<QuantizedLinearAttributes> = () => {
  throw new Error('quantizedLinear: no wasm kernel yet')
}

export const quantizedLinearGradWasm: WasmKernel<QuantizedLinearAttributes> = () => {
  throw new Error('quantizedLinear: no wasm kernel yet')
}
