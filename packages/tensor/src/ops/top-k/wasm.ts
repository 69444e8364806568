import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { TopKAttributes, TopKInputs } from './attributes.ts'

export const topKWasm: WasmKernel<TopKInputs, TopKAttributes> = (context, { rows, width, k }) => {
  const values = context.output([rows, k])
  const indices = context.output([rows, k], 'int32')
  context.run('topK', context.input('x').pointer, values, indices, rows, width, k)
}
