/**
 * matMul: the product of two matrices, either transposed as it is read, never copied.
 *
 *   a [M,K] or [K,M] with transposeA;  b [K,N] or [N,K] with transposeB;  bias [N], optional  ->  [M,N]
 *
 * linear, its two gradients and the chunked loss all use this one kernel.
 */
import { ArgumentError } from '@casa-js/base'
import { expectShape } from '../../engine/check.ts'
import { defineKernel } from '../../engine/kernel.ts'
import { expectUncompressed } from '../../engine/compressed.ts'
import { record } from '../../engine/tape.ts'
import type { Tensor } from '../../engine/tensor.ts'
import { columnSum } from '../column-sum/index.ts'
import type { MatMulAttributes, MatMulInputs } from './attributes.ts'
import { matMulCpu } from './cpu.ts'
import { matMulWasm } from './wasm.ts'
import { matMulWebgpu } from './webgpu.ts'

const runMatMul = /* @__PURE__ */ defineKernel<MatMulInputs, MatMulAttributes, [c: Tensor]>('MatMul', {
  cpu: matMulCpu,
  wasm: matMulWasm,
  webgpu: matMulWebgpu,
})

export interface MatMulOptions {
  transposeA?: boolean
  transposeB?: boolean
  bias?: Tensor | undefined
}

/**
 * The product of two float32 matrices: a [M, K] times b [K, N], plus a bias [N] on every row, gives [M, N]. With `transposeA`, a is
 * [K, M]; with `transposeB`, b is [N, K]: they are read transposed, never copied. Gradients are computed for a, b and bias.
 * @throws ArgumentError if the inner sizes differ, the bias does not have one value per column, or a matrix is a compressed weight
 */
export function matMul(a: Tensor, b: Tensor, { transposeA = false, transposeB = false, bias }: MatMulOptions = {}): Tensor {
  expectUncompressed('matMul', 'a', a)
  expectUncompressed('matMul', 'b', b)
  const [M, K] = (transposeA ? a.shape.toReversed() : a.shape) as [number, number]
  const [K2, N] = (transposeB ? b.shape.toReversed() : b.shape) as [number, number]
  if (a.rank !== 2 || b.rank !== 2 || K !== K2) {
    throw new ArgumentError(
      `matMul: [${a.shape}]${transposeA ? 'ᵀ' : ''} x [${b.shape}]${transposeB ? 'ᵀ' : ''}: the inner sizes must agree`,
    )
  }
  if (bias) expectShape('matMul', 'bias', bias, [N])
  const [c] = runMatMul({ a, b, bias }, { M, N, K, transposeA, transposeB })
  record([a, b, bias], [c], ([dc], [needsA, needsB, needsBias]) => [
    needsA
      ? transposeA
        ? matMul(b, dc!, { transposeA: transposeB, transposeB: true })
        : matMul(dc!, b, { transposeB: !transposeB })
      : undefined,
    needsB
      ? transposeB
        ? matMul(dc!, a, { transposeA: true, transposeB: transposeA })
        : matMul(a, dc!, { transposeA: !transposeA })
      : undefined,
    needsBias ? columnSum(dc!) : undefined,
  ])
  return c
}
