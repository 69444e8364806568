/**
 * linearCrossEntropy: crossEntropy(hidden weightᵀ), one chunk of the vocabulary at a time.
 *
 *   hidden [T,D]  weight [V,D], float32 or compressed  ->  scalar       the largest intermediate is [T, chunk]
 *
 * With 150k entries and thousands of tokens the logits alone would be gigabytes. The forward pass keeps one log-sum-exp per row;
 * the backward pass computes each chunk's logits again: one more product, and T x V less memory (as in Liger kernels, Hsu et al. 2024).
 */
import { ArgumentError } from '@casa-js/base'
import * as tf from '@tensorflow/tfjs-core'
import { expectRank } from '../../engine/check.ts'
import { compressedForm, shapeOf } from '../../engine/compressed.ts'
import { dispose } from '../../engine/scope.ts'
import { noGrad, record } from '../../engine/tape.ts'
import type { Tensor } from '../../engine/tensor.ts'
import { linear } from '../linear/index.ts'
import { zeros } from '../create/index.ts'
import { matMul } from '../matmul/index.ts'
import { decompressRange } from '../compressed/index.ts'
import { writeRows } from '../write-rows/index.ts'
import { crossEntropy, runCrossEntropy, runCrossEntropyGrad, sharesOf, weightedMean } from './index.ts'

export interface LinearCrossEntropyOptions {
  /** Vocabulary entries at a time. */
  chunk?: number
}

const defaultChunk = 8192

/**
 * crossEntropy(linear(hidden, weight)), a scalar, computed a chunk of the vocabulary at a time: logits [T, V] are never stored. hidden [T, D],
 * weight [V, D], float32 or compressed. The backward pass computes each chunk's logits again, one more product (Liger kernels, Hsu et
 * al. 2024, arXiv:2410.10989).
 * @param targets [T] and `weights` [T], as in crossEntropy
 * @throws ArgumentError if hidden and weight differ in width; otherwise as crossEntropy
 */
export function linearCrossEntropy(
  hidden: Tensor,
  weight: Tensor,
  targets: Int32Array,
  weights: Float32Array,
  { chunk = defaultChunk }: LinearCrossEntropyOptions = {},
): Tensor {
  expectRank('linearCrossEntropy', 'hidden', hidden, 2)
  const [rows, D] = hidden.shape as [number, number]
  const [V, inputs] = shapeOf(weight) as [number, number]
  if (inputs !== D) throw new ArgumentError(`linearCrossEntropy: weight has shape [${shapeOf(weight)}], expected [V,${D}]`)
  if (!(chunk >= 1)) throw new ArgumentError(`linearCrossEntropy: chunk must be at least 1, got ${chunk}`)
  if (V <= chunk) {
    const logits = linear(hidden, weight)
    const loss = crossEntropy(logits, targets, weights)
    dispose(logits)
    return loss
  }

  const shares = sharesOf('linearCrossEntropy', rows, V, targets, weights)
  const problem: Problem = { hidden, weight, targets, shares, chunks: chunksOf(V, chunk) }
  const { loss, lse } = noGrad(() => forward(problem))
  record([hidden, weight], [loss, lse], ([dLoss], needs) => backward(problem, lse, dLoss!, needs))
  dispose(lse)
  return loss
}

/** Vocabulary entries [start, start + width). */
interface Chunk {
  start: number
  width: number
}

interface Problem {
  hidden: Tensor
  weight: Tensor
  targets: Int32Array
  /** Weights divided by their sum. */
  shares: Float32Array
  chunks: Chunk[]
}

function chunksOf(V: number, chunk: number): Chunk[] {
  return Array.from({ length: Math.ceil(V / chunk) }, (_, i) => ({ start: i * chunk, width: Math.min(chunk, V - i * chunk) }))
}

/** A chunk's rows of the weight, [width, D]. */
function rowsFrom(weight: Tensor, { start, width }: Chunk): Tensor {
  return compressedForm(weight) ? decompressRange(weight, start, width) : tf.slice(weight, [start, 0], [width, weight.shape[1]!])
}

function forward({ hidden, weight, targets, shares, chunks }: Problem): { loss: Tensor; lse: Tensor } {
  return tf.tidy(() => {
    const rows = targets.length
    let statistics: Tensor[] = []
    for (const chunk of chunks) {
      const before = statistics
      statistics = tf.tidy(() => {
        const logits = matMul(hidden, rowsFrom(weight, chunk), { transposeB: true })
        return runCrossEntropy({ logits, lse: before[0], picked: before[1] }, { rows, ...chunk, targets })
      })
      dispose(...before)
    }
    const [lse, picked] = statistics as [Tensor, Tensor]
    return { loss: weightedMean(lse, picked, shares), lse }
  })
}

function backward(
  { hidden, weight, targets, shares, chunks }: Problem,
  lse: Tensor,
  dLoss: Tensor,
  [needsHidden, needsWeight]: boolean[],
) {
  let dHidden: Tensor | undefined
  const dWeight = needsWeight ? zeros(weight.shape) : undefined
  for (const chunk of chunks) {
    const before = dHidden
    dHidden = tf.tidy(() => {
      const part = rowsFrom(weight, chunk)
      const logits = matMul(hidden, part, { transposeB: true })
      const [dLogits] = runCrossEntropyGrad({ logits, lse, dLoss }, { rows: targets.length, ...chunk, targets, weights: shares })
      if (dWeight) writeRows(dWeight, matMul(dLogits, hidden, { transposeA: true }), chunk.start)
      if (!needsHidden) return undefined as never
      const dPart = matMul(dLogits, part)
      return before ? tf.add(before, dPart) : dPart
    })
    dispose(before)
  }
  return [dHidden, dWeight]
}
