import * as tf from '@tensorflow/tfjs-core'
import type { OpBench } from '../../testing/op-bench.ts'
import { argmax } from './index.ts'

const V = 151_936

export const benches: OpBench[] = [
  {
    name: `argmax of ${V}`,
    bytes: 4 * V,
    contestants() {
      const x = tf.randomNormal([1, V])
      return { casa: () => argmax(x), tfjs: () => tf.argMax(x, 1) }
    },
  },
]
