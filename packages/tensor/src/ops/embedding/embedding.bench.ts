import * as tf from '@tensorflow/tfjs-core'
import type { OpBench } from '../../testing/op-bench.ts'
import { valueAndGradients } from '../../engine/backward-pass.ts'
import { sum } from '../elementwise/index.ts'
import { embedding } from './index.ts'

const [V, T, D] = [8192, 4096, 256]
const ids = Int32Array.from({ length: T }, (_, t) => (t * 7919) % V)

export const benches: OpBench[] = [
  {
    name: `embedding ${T} tokens, ${V} x ${D}`,
    bytes: 2 * 4 * T * D,
    contestants() {
      const table = tf.randomNormal([V, D])
      const idTensor = tf.tensor1d(ids, 'int32')
      return { casa: () => embedding(table, ids), tfjs: () => tf.gather(table, idTensor) }
    },
  },
  {
    // tfjs's wasm has nothing to compare: its gather has no gradient there.
    name: `embedding ${T} tokens, ${V} x ${D}, summed, with the table's gradient`,
    bytes: 4 * (5 * T * D + V * D),
    contestants() {
      const table = tf.randomNormal([V, D])
      return {
        casa() {
          const { value, gradients } = valueAndGradients(() => sum(embedding(table, ids, { paddingIndex: 1 })), [table])
          return [value, ...gradients]
        },
      }
    },
  },
]
