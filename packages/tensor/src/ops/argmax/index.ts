/** argmax: the column of each row's largest value, the first of equals. x [..,V] -> int32 [..]. Not differentiable. */
import { matrixOf } from '../../engine/check.ts'
import { defineKernel } from '../../engine/kernel.ts'
import type { Tensor } from '../../engine/tensor.ts'
import type { ArgMaxAttributes, ArgMaxInputs } from './attributes.ts'
import { argMaxCpu } from './cpu.ts'
import { argMaxWasm } from './wasm.ts'
import { argMaxWebgpu } from './webgpu.ts'

const runArgMax = /* @__PURE__ */ defineKernel<ArgMaxInputs, ArgMaxAttributes, [indices: Tensor]>('ArgMax', {
  cpu: argMaxCpu,
  wasm: argMaxWasm,
  webgpu: argMaxWebgpu,
})

/** The column of the largest value of each row, the first of equals: x [.., V] gives int32 [..]. Not differentiable. */
export function argmax(x: Tensor): Tensor {
  return runArgMax({ x }, matrixOf('argmax', 'x', x))[0]
}
