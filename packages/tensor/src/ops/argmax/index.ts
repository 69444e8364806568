/** argmax: the column of each row's largest value, the first of equals. x [..,V] -> int32 [..]. Not differentiable. */
import { matrixOf } from '../../engine/check.ts'
import { defineKernel, run } from '../../engine/kernel.ts'
import type { Tensor } from '../../engine/tensor.ts'
import { argMaxCpu } from './cpu.ts'
import { argMaxWasm } from './wasm.ts'
import { argMaxWebgpu } from './webgpu.ts'

export interface ArgMaxAttributes extends Record<string, unknown> {
  rows: number
  width: number
}

defineKernel<ArgMaxAttributes>('ArgMax', { cpu: argMaxCpu, wasm: argMaxWasm, webgpu: argMaxWebgpu })

/** Greedy decoding's choice, made on the device. */
export function argmax(x: Tensor): Tensor {
  return run('ArgMax', { x }, matrixOf('argmax', 'x', x))[0]!
}
