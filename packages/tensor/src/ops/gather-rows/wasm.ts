import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { GatherRowsAttributes, GatherRowsInputs } from './attributes.ts'

export const gatherRowsWasm: WasmKernel<GatherRowsInputs, GatherRowsAttributes> = (call, { ids }) => {
  const { pointer, shape } = call.input('table')
  const D = shape[1]!
  call.run('gatherRows', pointer, call.moving(ids), ids.length, D * 4, call.output([ids.length, D]))
}
