/** The kernel of gatherRows, which is also the gradient of scatterRows. */
import { defineKernel } from '../../engine/kernel.ts'
import type { Tensor } from '../../engine/tensor.ts'
import type { GatherRowsAttributes, GatherRowsInputs } from './attributes.ts'
import { gatherRowsCpu } from './cpu.ts'
import { gatherRowsWasm } from './wasm.ts'
import { gatherRowsWebgpu } from './webgpu.ts'

export const runGatherRows = /* @__PURE__ */ defineKernel<GatherRowsInputs, GatherRowsAttributes, [rows: Tensor]>('GatherRows', {
  cpu: gatherRowsCpu,
  wasm: gatherRowsWasm,
  webgpu: gatherRowsWebgpu,
})
