import * as tf from '@tensorflow/tfjs-core'
import type { OpBench } from '../../testing/op-bench.ts'
import { topK } from './index.ts'

const [V, k] = [151_936, 50]

export const benches: OpBench[] = [
  {
    name: `topK ${k} of ${V}`,
    bytes: 4 * V,
    contestants() {
      const x = tf.randomNormal([1, V])
      return {
        casa: () => Object.values(topK(x, k)),
        tfjs: () => {
          const { values, indices } = tf.topk(x, k)
          return [values, indices]
        },
      }
    },
  },
]
