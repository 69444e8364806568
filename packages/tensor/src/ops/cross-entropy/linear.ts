/**
 * linearCrossEntropy: crossEntropy(hidden weightᵀ), a chunk of the vocabulary at a time.
 *
 *   hidden [T,D]  weight [V,D], float32 or packed  ->  scalar       the largest thing that ever exists is [T, chunk]
 *
 * With 150k entries and thousands of tokens the logits alone would be gigabytes. The forward pass keeps a log-sum-exp a row;
 * the way back computes each chunk's logits again: one product more, T x V less (as in Liger kernels, Hsu et al. 2024).
 */
import * as tf from '@tensorflow/tfjs-core'
import { expectRank } from '../../engine/check.ts'
import { run } from '../../engine/kernel.ts'
import { packedForm, shapeOf } from '../../engine/packed.ts'
import { dispose } from '../../engine/scope.ts'
import { noGrad, record } from '../../engine/tape.ts'
import type { Tensor } from '../../engine/tensor.ts'
import { linear } from '../linear/index.ts'
import { matMul } from '../matmul/index.ts'
import { unpackPanel } from '../packed/index.ts'
import { writeRows } from '../write-rows/index.ts'
import { crossEntropy, sharesOf, weightedMean } from './index.ts'

export interface LinearCrossEntropyOptions {
  /** Vocabulary entries at a time. */
  chunk?: number
}

const defaultChunk = 8192

/**
 * targets and weights as in crossEntropy.
 * @throws Error if hidden and weight differ in width; otherwise as crossEntropy.
 */
export function linearCrossEntropy(
  hidden: Tensor,
  weight: Tensor,
  targets: Int32Array,
  weights: Float32Array,
  { chunk = defaultChunk }: LinearCrossEntropyOptions = {},
): Tensor {
  expectRank('linearCrossEntropy', 'hidden', hidden, 2)
  const [rows, D] = hidden.shape
  const [V, inputs] = shapeOf(weight)
  if (inputs !== D) throw new Error(`linearCrossEntropy: weight has shape [${shapeOf(weight)}], expected [V,${D}]`)
  if (!(chunk >= 1)) throw new RangeError(`linearCrossEntropy: chunk must be at least 1, got ${chunk}`)
  if (V <= chunk) {
    const logits = linear(hidden, weight)
    const loss = crossEntropy(logits, targets, weights)
    dispose(logits)
    return loss
  }

  const shares = sharesOf('linearCrossEntropy', rows, V, targets, weights)
  const chunks = Array.from({ length: Math.ceil(V / chunk) }, (_, i) => ({ start: i * chunk, width: Math.min(chunk, V - i * chunk) }))
  const rowsFrom = (start: number, width: number) =>
    packedForm(weight) ? unpackPanel(weight, start, width) : tf.slice2d(weight as tf.Tensor2D, [start, 0], [width, D])

  const { loss, lse } = noGrad(() =>
    tf.tidy(() => {
      let statistics: Tensor[] = []
      for (const { start, width } of chunks) {
        const before = statistics
        statistics = tf.tidy(() => {
          const logits = matMul(hidden, rowsFrom(start, width), { transposeB: true })
          return run('CrossEntropy', { logits, lse: before[0], picked: before[1] }, { rows, width, start, targets })
        })
        dispose(...before)
      }
      const [lse, picked] = statistics
      return { loss: weightedMean(lse, picked, shares), lse }
    }),
  )

  record([hidden, weight], [loss, lse], ([dLoss], [needsHidden, needsWeight]) => {
    let dHidden: Tensor | undefined
    const dWeight = needsWeight ? tf.zeros(weight.shape) : undefined
    for (const { start, width } of chunks) {
      const before = dHidden
      dHidden = tf.tidy(() => {
        const part = rowsFrom(start, width)
        const logits = matMul(hidden, part, { transposeB: true })
        const attributes = { rows, width, start, targets, weights: shares }
        const [dLogits] = run('CrossEntropyGrad', { logits, lse, dLoss }, attributes)
        if (dWeight) writeRows(dWeight, matMul(dLogits, hidden, { transposeA: true }), start)
        if (!needsHidden) return undefined as never
        const dPart = matMul(dLogits, part)
        return before ? tf.add(before, dPart) : dPart
      })
      dispose(before)
    }
    return [dHidden, dWeight]
  })
  dispose(lse)
  return loss
}
