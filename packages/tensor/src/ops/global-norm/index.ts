/** globalNorm: the Euclidean norm of many tensors as if they were one vector; gradient clipping compares it with its limit. */
import * as tf from '@tensorflow/tfjs-core'
import { defineKernel } from '../../engine/kernel.ts'
import type { Tensor } from '../../engine/tensor.ts'
import type { SumOfSquaresAttributes, SumOfSquaresInputs } from './attributes.ts'
import { sumOfSquaresCpu } from './cpu.ts'
import { sumOfSquaresWasm } from './wasm.ts'
import { sumOfSquaresWebgpu } from './webgpu.ts'

const runSumOfSquares = /* @__PURE__ */ defineKernel<SumOfSquaresInputs, SumOfSquaresAttributes, [total: Tensor]>(
  'SumOfSquares',
  {
    cpu: sumOfSquaresCpu,
    wasm: sumOfSquaresWasm,
    webgpu: sumOfSquaresWebgpu,
  },
)

/**
 * The Euclidean norm of many tensors, of any shape, as if they were one vector: a scalar, 0 for no tensors. Gradient clipping compares it with its
 * limit. Not differentiable.
 */
export function globalNorm(tensors: readonly Tensor[]): Tensor {
  return tf.tidy(() => {
    let carry: Tensor | undefined
    for (const x of tensors) [carry] = runSumOfSquares({ x, carry }, { size: x.size })
    return carry ? tf.sqrt(carry) : tf.scalar(0)
  })
}
