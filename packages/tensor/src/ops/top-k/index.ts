/**
 * topK: the k largest values of each row with their columns, largest first; of equal values the lower column first.
 *
 *   x [T,V]  ->  values [T,k], indices int32 [T,k]
 *
 * For sampling on the device: only k numbers per row need to be read back. Not differentiable.
 */
import { ArgumentError } from '@casa-js/base'
import { expectRank } from '../../engine/check.ts'
import { defineKernel } from '../../engine/kernel.ts'
import type { Tensor } from '../../engine/tensor.ts'
import type { TopKAttributes, TopKInputs } from './attributes.ts'
import { topKCpu } from './cpu.ts'
import { topKWasm } from './wasm.ts'
import { topKWebgpu } from './webgpu.ts'

const runTopK = /* @__PURE__ */ defineKernel<TopKInputs, TopKAttributes, [values: Tensor, indices: Tensor]>('TopK', {
  cpu: topKCpu,
  wasm: topKWasm,
  webgpu: topKWebgpu,
})

/**
 * The k largest values of each row of x [T, V], largest first, and their columns: values [T, k], indices int32 [T, k]. Of equal values the
 * lower column comes first. Not differentiable.
 * @throws ArgumentError if k is not in 1 .. V
 */
export function topK(x: Tensor, k: number): { values: Tensor; indices: Tensor } {
  expectRank('topK', 'x', x, 2)
  const [rows, width] = x.shape as [number, number]
  if (!Number.isInteger(k) || k < 1 || k > width) throw new ArgumentError(`topK: k must be in 1 .. ${width}, got ${k}`)
  const [values, indices] = runTopK({ x }, { rows, width: width, k })
  return { values, indices }
}
