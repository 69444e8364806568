import * as tf from '@tensorflow/tfjs-core'
import type { OpBench } from '../../testing/op-bench.ts'
import { scatterRows } from './index.ts'

const [N, T, D] = [8192, 4096, 256]
const ids = Int32Array.from({ length: T }, (_, t) => (t * 7919) % N)

export const benches: OpBench[] = [
  {
    // tfjs's wasm has nothing to compare: its embedding has no gradient there.
    name: `scatterRows ${T} into ${N} x ${D}`,
    bytes: 4 * (3 * T * D + N * D),
    contestants() {
      const rows = tf.randomNormal([T, D])
      return { casa: () => scatterRows(rows, ids, N) }
    },
  },
]
