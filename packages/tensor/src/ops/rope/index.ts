/**
 * rope: rotary position embedding. Rotates the pairs of every head by the angles of its token.
 *
 *   x [T,H,E], table cos, sin [T,E/2]  ->  [T,H,E]
 *   half         pairs (i, i + E/2)     Llama, Qwen
 *   interleaved  pairs (2i, 2i + 1)     the paper; helium-1-preview
 *
 * The gradient of a rotation is the inverse rotation, so forward and gradient are one kernel.
 */
import { expectRank, expectShape } from '../../engine/check.ts'
import { defineKernel } from '../../engine/kernel.ts'
import { record } from '../../engine/tape.ts'
import type { Tensor } from '../../engine/tensor.ts'
import type { RopeAttributes, RopeInputs } from './attributes.ts'
import { ropeCpu } from './cpu.ts'
import type { RopeTable } from './table.ts'
import { ropeWasm } from './wasm.ts'
import { ropeWebgpu } from './webgpu.ts'

export * from './table.ts'

const runRope = /* @__PURE__ */ defineKernel<RopeInputs, RopeAttributes, [y: Tensor]>('Rope', {
  cpu: ropeCpu,
  wasm: ropeWasm,
  webgpu: ropeWebgpu,
})

export interface RopeOptions {
  layout: 'half' | 'interleaved'
}

/**
 * Rotary position embedding (Su et al. 2021, arXiv:2104.09864): rotates the pairs of every head by the angles of its token. x [T, H, E] gives
 * [T, H, E], float32.
 * @param table cos and sin [T, E/2], see ropeTable
 * @throws ArgumentError if the table is not for T tokens and heads of size E
 */
export function rope(x: Tensor, { cos, sin }: RopeTable, { layout }: RopeOptions): Tensor {
  expectRank('rope', 'x', x, 3)
  const [tokens, heads, headSize] = x.shape as [number, number, number]
  expectShape('rope', 'cos', cos, [tokens, headSize / 2])
  expectShape('rope', 'sin', sin, [tokens, headSize / 2])
  const attributes = { tokens, heads, headSize, interleaved: layout === 'interleaved' }
  const [y] = runRope({ x, cos, sin }, { ...attributes, inverse: false })
  record([x], [y], ([dy]) => runRope({ x: dy!, cos, sin }, { ...attributes, inverse: true }))
  return y
}
