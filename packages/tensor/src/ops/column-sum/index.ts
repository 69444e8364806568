/** columnSum: x [..,N] -> [N], summed over all rows. This is the gradient of anything that is broadcast over rows. */
import * as tf from '@tensorflow/tfjs-core'
import { defineKernel } from '../../engine/kernel.ts'
import { record } from '../../engine/tape.ts'
import { rowsOf, type Tensor } from '../../engine/tensor.ts'
import type { ColumnSumAttributes, ColumnSumInputs } from './attributes.ts'
import { columnSumCpu } from './cpu.ts'
import { columnSumWasm } from './wasm.ts'
import { columnSumWebgpu } from './webgpu.ts'

const runColumnSum = /* @__PURE__ */ defineKernel<ColumnSumInputs, ColumnSumAttributes, [sums: Tensor]>('ColumnSum', {
  cpu: columnSumCpu,
  wasm: columnSumWasm,
  webgpu: columnSumWebgpu,
})

/** The sum over all rows, x [.., N] gives [N]: the gradient of anything that is broadcast over rows. */
export function columnSum(x: Tensor): Tensor {
  const { rows: M, width: N } = rowsOf(x.shape)
  const [out] = runColumnSum({ x }, { M, N })
  record([x], [out], ([dy]) => [tf.tidy(() => tf.add(tf.zeros(x.shape), dy!))])
  return out
}
