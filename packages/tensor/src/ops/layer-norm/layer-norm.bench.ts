import * as tf from '@tensorflow/tfjs-core'
import type { OpBench } from '../../testing/op-bench.ts'
import { layerNorm } from './index.ts'

const [rows, width, eps] = [1024, 256, 1e-6]

export const benches: OpBench[] = [
  {
    name: `layerNorm ${rows} x ${width}`,
    bytes: 2 * 4 * rows * width,
    contestants() {
      const [x, weight, bias] = [tf.randomNormal([rows, width]), tf.ones([width]), tf.zeros([width])]
      return {
        casa: () => layerNorm(x, weight, bias, { eps }),
        tfjs: () => {
          const { mean, variance } = tf.moments(x, -1, true)
          const normed = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, eps)))
          return tf.add(tf.mul(normed, weight), bias)
        },
      }
    },
  },
]
