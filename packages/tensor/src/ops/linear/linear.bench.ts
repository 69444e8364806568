import * as tf from '@tensorflow/tfjs-core'
import { dispose } from '../../engine/scope.ts'
import { valueAndGradients } from '../../engine/backward-pass.ts'
import type { OpBench } from '../../testing/op-bench.ts'
import { multiply, sum } from '../elementwise/index.ts'
import { linear } from './index.ts'

// The first half of the reference decoder's feed-forward, with a bias, as vision encoders have it.
const [batch, tokens, D, O] = [8, 128, 256, 1024]
const shape = `[${batch},${tokens},${D}] -> ${O}`

const inputs = () => ({
  x: tf.randomNormal([batch, tokens, D]),
  weight: tf.randomNormal<tf.Rank.R2>([O, D]),
  bias: tf.randomNormal<tf.Rank.R1>([O]),
  dy: tf.randomNormal([batch, tokens, O]),
})

/** tfjs's equivalent: a product of two matrices, then the bias added. */
function plain(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  const y = tf.matMul(tf.reshape(x, [batch * tokens, D]) as tf.Tensor2D, weight as tf.Tensor2D, false, true)
  return tf.reshape(tf.add(y, bias), [batch, tokens, O])
}

export const benches: OpBench[] = [
  {
    name: `linear ${shape}, forward`,
    operations: 2 * batch * tokens * D * O,
    contestants() {
      const { x, weight, bias } = inputs()
      return { casa: () => linear(x, weight, bias), tfjs: () => tf.tidy(() => plain(x, weight, bias)) }
    },
  },
  {
    // tfjs's gradients are timed in the peer benches, in separate processes.
    name: `linear ${shape}, forward and gradients of x, weight and bias`,
    operations: 6 * batch * tokens * D * O,
    contestants() {
      const { x, weight, bias, dy } = inputs()
      return {
        casa() {
          const { value, gradients } = valueAndGradients(() => sum(multiply(linear(x, weight, bias), dy)), [x, weight, bias])
          dispose(value)
          return gradients
        },
      }
    },
  },
]
