import type { WasmKernel } from '../../engine/wasm.ts'
import type { SumOfSquaresAttributes } from './index.ts'

export const sumOfSquaresWasm: WasmKernel<SumOfSquaresAttributes> = () => {
  throw new Error('globalNorm: no wasm kernel yet')
}
