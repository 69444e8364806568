import * as tf from '@tensorflow/tfjs-core'
import type { OpBench } from '../../testing/op-bench.ts'
import { columnSum } from './index.ts'

const [M, N] = [4096, 1024]

export const benches: OpBench[] = [
  {
    name: `columnSum ${M} x ${N}`,
    bytes: 4 * M * N,
    contestants() {
      const x = tf.randomNormal([M, N])
      return { casa: () => columnSum(x), tfjs: () => tf.sum(x, 0) }
    },
  },
]
