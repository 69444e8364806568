/**
 * crossEntropy: the weighted mean of -log softmax(logits)[target].
 *
 *   logits [T,V]  targets Int32Array [T]  weights Float32Array [T]  ->  scalar   sum_t w_t nll_t / sum_t w_t
 *
 * A row of weight 0 is ignored, whatever its target (usually -1 or -100). If every weight is 0 the loss is 0 and so is its
 * gradient. The kernel folds columns into running statistics per row, log-sum-exp and the target's logit, so that the same
 * kernel serves the whole vocabulary at once and chunks of it (linear.ts).
 */
import { ArgumentError } from '@casa-js/base'
import * as tf from '@tensorflow/tfjs-core'
import { expectLength, expectRank } from '../../engine/check.ts'
import { defineKernel } from '../../engine/kernel.ts'
import { dispose } from '../../engine/scope.ts'
import { record } from '../../engine/tape.ts'
import type { Tensor } from '../../engine/tensor.ts'
import type {
  CrossEntropyAttributes,
  CrossEntropyGradAttributes,
  CrossEntropyGradInputs,
  CrossEntropyInputs,
} from './attributes.ts'
import { crossEntropyCpu, crossEntropyGradCpu } from './cpu.ts'
import { crossEntropyGradWasm, crossEntropyWasm } from './wasm.ts'
import { crossEntropyGradWebgpu, crossEntropyWebgpu } from './webgpu.ts'

export const runCrossEntropy = /* @__PURE__ */ defineKernel<
  CrossEntropyInputs,
  CrossEntropyAttributes,
  [lse: Tensor, picked: Tensor]
>('CrossEntropy', {
  cpu: crossEntropyCpu,
  wasm: crossEntropyWasm,
  webgpu: crossEntropyWebgpu,
})
export const runCrossEntropyGrad = /* @__PURE__ */ defineKernel<
  CrossEntropyGradInputs,
  CrossEntropyGradAttributes,
  [dLogits: Tensor]
>('CrossEntropyGrad', {
  cpu: crossEntropyGradCpu,
  wasm: crossEntropyGradWasm,
  webgpu: crossEntropyGradWebgpu,
})

/**
 * The weighted mean of -log softmax(logits)[target], a scalar: sum of weight * nll over the sum of the weights. logits [T, V]. Rows of weight 0
 * do not count, whatever their target; if every weight is 0, the loss and its gradient are 0.
 * @param targets [T], ids in 0 .. V - 1 where the weight is not 0
 * @param weights [T], not negative
 * @throws ArgumentError if targets or weights do not have one entry per row, naming the first row that counts and whose target is not in
 * the vocabulary, or whose weight is negative or NaN
 */
export function crossEntropy(logits: Tensor, targets: Int32Array, weights: Float32Array): Tensor {
  expectRank('crossEntropy', 'logits', logits, 2)
  const [rows, width] = logits.shape as [number, number]
  const shares = sharesOf('crossEntropy', rows, width, targets, weights)
  const attributes = { rows, width, start: 0, targets }
  const [lse, picked] = runCrossEntropy({ logits }, attributes)
  const loss = weightedMean(lse, picked, shares)
  record([logits], [loss, lse, picked], ([dLoss]) =>
    runCrossEntropyGrad({ logits, lse, dLoss: dLoss! }, { ...attributes, weights: shares }),
  )
  dispose(lse, picked)
  return loss
}

/** Weights divided by their sum, after checking that every row that counts has a target. */
export function sharesOf(
  operator: string,
  rows: number,
  vocabSize: number,
  targets: Int32Array,
  weights: Float32Array,
): Float32Array {
  expectLength(operator, 'targets', targets, rows)
  expectLength(operator, 'weights', weights, rows)
  let total = 0
  weights.forEach((weight, t) => {
    if (!(weight >= 0)) throw new ArgumentError(`${operator}: weight ${weight} of row ${t} must not be negative`)
    if (weight > 0 && !(targets[t]! >= 0 && targets[t]! < vocabSize)) {
      throw new ArgumentError(
        `${operator}: target ${targets[t]} of row ${t} is not in 0 .. ${vocabSize - 1}; give rows without one weight 0`,
      )
    }
    total += weight
  })
  return total === 0 ? new Float32Array(rows) : weights.map((weight) => weight / total)
}

/** sum_t share_t (lse_t - picked_t) -> scalar; without rows 0. */
export function weightedMean(lse: Tensor, picked: Tensor, shares: Float32Array): Tensor {
  if (shares.length === 0) return tf.zeros([])
  return tf.tidy(() => tf.sum(tf.mul(tf.sub(lse, picked), tf.tensor1d(shares))))
}
