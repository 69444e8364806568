/** columnSum: x [..,N] -> [N], summed over all rows. The gradient of whatever was added to every row. */
import * as tf from '@tensorflow/tfjs-core'
import { defineKernel, run } from '../../engine/kernel.ts'
import { record } from '../../engine/tape.ts'
import { rowsOf, type Tensor } from '../../engine/tensor.ts'
import { columnSumCpu } from './cpu.ts'
import { columnSumWasm } from './wasm.ts'
import { columnSumWebgpu } from './webgpu.ts'

export interface ColumnSumAttributes extends Record<string, unknown> {
  M: number
  N: number
}

defineKernel<ColumnSumAttributes>('ColumnSum', { cpu: columnSumCpu, wasm: columnSumWasm, webgpu: columnSumWebgpu })

export function columnSum(x: Tensor): Tensor {
  const { rows: M, width: N } = rowsOf(x.shape)
  const [out] = run('ColumnSum', { x }, { M, N })
  record([x], [out], ([dy]) => [tf.tidy(() => tf.add(tf.zeros(x.shape), dy!))])
  return out
}
