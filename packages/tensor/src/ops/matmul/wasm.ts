import type { WasmKernel } from '../../engine/wasm.ts'
import type { MatMulAttributes } from './index.ts'

export const matMulWasm: WasmKernel<MatMulAttributes> = () => {
  throw new Error('matMul: no wasm kernel yet')
}
