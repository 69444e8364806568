import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { ScatterRowsAttributes, ScatterRowsInputs } from './attributes.ts'

export const scatterRowsWasm: WasmKernel<ScatterRowsInputs, ScatterRowsAttributes> = (call, { ids, N }) => {
  const { pointer, shape } = call.input('rows')
  const D = shape[1]!
  call.run('scatterRows', pointer, call.upload(ids), ids.length, D * 4, call.output([N, D]), N)
}
