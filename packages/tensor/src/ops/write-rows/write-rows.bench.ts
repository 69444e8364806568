import * as tf from '@tensorflow/tfjs-core'
import type { OpBench } from '../../testing/op-bench.ts'
import { writeRows } from './index.ts'

const [capacity, K, E] = [4096, 8, 128]

export const benches: OpBench[] = [
  {
    name: `writeRows: one of ${capacity} x ${K} x ${E}`,
    bytes: 2 * 4 * K * E,
    contestants() {
      const [target, rows] = [tf.zeros([capacity, K, E]), tf.ones([1, K, E])]
      const seen = tf.zeros([capacity - 1, K, E])
      return { casa: () => writeRows(target, rows, capacity - 1), 'tfjs, concat': () => tf.concat([seen, rows], 0) }
    },
  },
]
