/** The kernel of scatterRows, which is also the gradient of gatherRows. */
import { defineKernel } from '../../engine/kernel.ts'
import type { Tensor } from '../../engine/tensor.ts'
import type { ScatterRowsAttributes, ScatterRowsInputs } from './attributes.ts'
import { scatterRowsCpu } from './cpu.ts'
import { scatterRowsWasm } from './wasm.ts'
import { scatterRowsWebgpu } from './webgpu.ts'

export const runScatterRows = /* @__PURE__ */ defineKernel<ScatterRowsInputs, ScatterRowsAttributes, [sums: Tensor]>(
  'ScatterRows',
  { cpu: scatterRowsCpu, wasm: scatterRowsWasm, webgpu: scatterRowsWebgpu },
)
