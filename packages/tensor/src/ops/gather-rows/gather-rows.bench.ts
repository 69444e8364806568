import * as tf from '@tensorflow/tfjs-core'
import type { OpBench } from '../../testing/op-bench.ts'
import { gatherRows } from './index.ts'

const [N, T, D] = [8192, 4096, 256]
const ids = Int32Array.from({ length: T }, (_, t) => (t * 7919) % N)

export const benches: OpBench[] = [
  {
    name: `gatherRows ${T} of ${N} x ${D}`,
    bytes: 2 * 4 * T * D,
    contestants() {
      const table = tf.randomNormal([N, D])
      const idTensor = tf.tensor1d(ids, 'int32')
      return { casa: () => gatherRows(table, ids), tfjs: () => tf.gather(table, idTensor) }
    },
  },
]
