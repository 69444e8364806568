import type { WasmKernel } from '../../engine/wasm.ts'
import type { WriteRowsAttributes } from './index.ts'

export const writeRowsWasm: WasmKernel<WriteRowsAttributes> = () => {
  throw new Error('writeRows: no wasm kernel yet')
}
