import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { TopKAttributes } from './index.ts'

export const topKWasm: WasmKernel<TopKAttributes> = (context, { rows, width, k }) => {
  const values = context.output([rows, k])
  const indices = context.output([rows, k], 'int32')
  context.exports.topK(context.input('x').pointer, values, indices, rows, width, k)
}
