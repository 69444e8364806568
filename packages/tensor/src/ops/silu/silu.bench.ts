import * as tf from '@tensorflow/tfjs-core'
import type { OpBench } from '../../testing/op-bench.ts'
import { silu } from './index.ts'

const shape = [1024, 1024]

export const benches: OpBench[] = [
  {
    name: `silu ${shape.join(' x ')}`,
    bytes: 2 * 4 * shape[0]! * shape[1]!,
    contestants() {
      const x = tf.randomNormal(shape)
      return { casa: () => silu(x), tfjs: () => tf.mul(x, tf.sigmoid(x)) }
    },
  },
]
