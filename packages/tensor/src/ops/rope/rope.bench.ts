import * as tf from '@tensorflow/tfjs-core'
import type { OpBench } from '../../testing/op-bench.ts'
import { rope, ropeTable } from './index.ts'

const [T, H, E] = [1024, 4, 64]

export const benches: OpBench[] = [
  {
    name: `rope ${T} x ${H} x ${E}, half`,
    bytes: 2 * 4 * T * H * E,
    contestants() {
      const x = tf.randomNormal<tf.Rank.R3>([T, H, E])
      const table = ropeTable(
        Int32Array.from({ length: T }, (_, t) => t),
        { headSize: E, theta: 10_000 },
      )
      const [cos, sin] = [table.cos, table.sin].map((angles) => tf.reshape(angles, [T, 1, E / 2])) as [
        tf.Tensor<tf.Rank>,
        tf.Tensor<tf.Rank>,
      ]
      return {
        casa: () => rope(x, table, { layout: 'half' }),
        tfjs: () => {
          const [a, b] = tf.split(x, 2, 2) as [tf.Tensor<tf.Rank>, tf.Tensor<tf.Rank>]
          return tf.concat([tf.sub(tf.mul(a, cos), tf.mul(b, sin)), tf.add(tf.mul(b, cos), tf.mul(a, sin))], 2)
        },
      }
    },
  },
]
