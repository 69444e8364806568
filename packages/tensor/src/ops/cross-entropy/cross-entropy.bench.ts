import * as tf from '@tensorflow/tfjs-core'
import { valueAndGradients } from '../../engine/backward-pass.ts'
import type { OpBench } from '../../testing/op-bench.ts'
import { crossEntropy } from './index.ts'
import { linearCrossEntropy } from './linear.ts'

const labels = (T: number, V: number) => ({
  targets: Int32Array.from({ length: T }, (_, t) => (t * 37) % V),
  weights: new Float32Array(T).fill(1),
})

export const benches: OpBench[] = [
  {
    name: 'crossEntropy 1024 x 8192',
    bytes: 4 * 1024 * 8192,
    contestants() {
      const [T, V] = [1024, 8192]
      const { targets, weights } = labels(T, V)
      const logits = tf.randomNormal<tf.Rank.R2>([T, V])
      const ids = tf.tensor1d(targets, 'int32')
      return {
        casa: () => crossEntropy(logits, targets, weights),
        tfjs: () => tf.mean(tf.sub(tf.logSumExp(logits, 1), tf.sum(tf.mul(logits, tf.oneHot(ids, V)), 1))),
        'casa, forward and backward': () => {
          const { value, gradients } = valueAndGradients(() => crossEntropy(logits, targets, weights), [logits])
          return [value, ...gradients]
        },
      }
    },
  },
  {
    name: 'linearCrossEntropy 128 x 256, vocabulary 32768, forward and backward',
    // Three products: logits and two gradients. In chunks the logits are computed twice; the second time is not counted.
    operations: 6 * 128 * 256 * 32768,
    contestants() {
      const [T, D, V] = [128, 256, 32768]
      const { targets, weights } = labels(T, V)
      const [hidden, head] = [tf.randomNormal([T, D]), tf.randomNormal([V, D], 0, 0.05)]
      const by = (chunk: number) => () => {
        const loss = () => linearCrossEntropy(hidden, head, targets, weights, { chunk })
        const { value, gradients } = valueAndGradients(loss, [hidden, head])
        return [value, ...gradients]
      }
      return { 'casa, by 8192': by(8192), 'casa, by 2048': by(2048), 'casa, all at once': by(V) }
    },
  },
]
