import * as tf from '@tensorflow/tfjs-core'
import { valueAndGradients } from '../../engine/backward-pass.ts'
import type { OpBench } from '../../testing/op-bench.ts'
import { add, sum } from '../elementwise/index.ts'
import { addRmsNorm, rmsNorm } from './index.ts'

const eps = 1e-6
const plain = (x: tf.Tensor, weight: tf.Tensor) =>
  tf.mul(tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), eps))), weight)

const shapes: [rows: number, width: number][] = [
  [1024, 256],
  [1, 2048],
]

export const benches: OpBench[] = shapes.flatMap(([rows, width]) => [
  {
    name: `rmsNorm ${rows} x ${width}`,
    bytes: 2 * 4 * rows * width,
    contestants() {
      const [x, weight] = [tf.randomNormal([rows, width]), tf.ones([width])]
      return { casa: () => rmsNorm(x, weight, { eps }), tfjs: () => plain(x, weight) }
    },
  },
  {
    name: `addRmsNorm ${rows} x ${width}`,
    bytes: 4 * 4 * rows * width,
    contestants() {
      const [x, y, weight] = [tf.randomNormal([rows, width]), tf.randomNormal([rows, width]), tf.ones([width])]
      return {
        casa: () => Object.values(addRmsNorm(x, y, weight, { eps })),
        tfjs: () => {
          const total = tf.add(x, y)
          return [total, plain(total, weight)]
        },
        'casa, forward and backward': () => {
          const loss = () => {
            const { sum: total, normed } = addRmsNorm(x, y, weight, { eps })
            return sum(add(total, normed))
          }
          const { value, gradients } = valueAndGradients(loss, [x, y, weight])
          return [value, ...gradients]
        },
      }
    },
  },
])
