import * as tf from '@tensorflow/tfjs-core'
import type { OpBench } from '../../testing/op-bench.ts'
import { adamwStep } from './index.ts'

const shape = [1024, 1024]
const settings = { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.01, step: 10, gradientScale: 1 }

export const benches: OpBench[] = [
  {
    name: `adamwStep ${shape.join(' x ')}`,
    bytes: 7 * 4 * shape[0]! * shape[1]!,
    contestants() {
      const [parameter, gradient] = [tf.randomNormal(shape), tf.randomNormal(shape)]
      const [firstMoment, secondMoment] = [tf.zeros(shape), tf.ones(shape)]
      const { learningRate, beta1, beta2, eps, weightDecay, step } = settings
      return {
        casa: () => adamwStep({ parameter, firstMoment, secondMoment, gradient }, settings),
        // tfjs's own optimizers allocate new tensors for every state.
        tfjs: () => {
          const m = tf.add(tf.mul(firstMoment, beta1), tf.mul(gradient, 1 - beta1))
          const v = tf.add(tf.mul(secondMoment, beta2), tf.mul(tf.square(gradient), 1 - beta2))
          const root = tf.add(tf.sqrt(tf.div(v, 1 - beta2 ** step)), eps)
          const decayed = tf.mul(parameter, 1 - learningRate * weightDecay)
          return [tf.sub(decayed, tf.mul(tf.div(m, root), learningRate / (1 - beta1 ** step))), m, v]
        },
      }
    },
  },
]
