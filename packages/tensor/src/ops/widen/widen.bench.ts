import * as tf from '@tensorflow/tfjs-core'
import type { OpBench } from '../../testing/op-bench.ts'
import { widenBf16, widenF16 } from './index.ts'

const shape = [1024, 1024]
const size = shape[0]! * shape[1]!

export const benches: OpBench[] = [
  {
    name: `widen ${shape.join(' x ')}`,
    bytes: 6 * size,
    contestants() {
      const halves = tf.fill([size / 2], 0x3c003c00, 'int32')
      const host = new Int32Array(size / 2).fill(0x3f803f80)
      return {
        'casa, bf16': () => widenBf16(halves, shape),
        'casa, f16': () => widenF16(halves, shape),
        // Without the operator: widen on the host, then upload twice as many bytes.
        'tfjs, bf16 on the host': () => {
          const wide = new Int32Array(size)
          for (let i = 0; i < size; i += 2) {
            wide[i] = host[i >> 1]! << 16
            wide[i + 1] = host[i >> 1]! & 0xffff0000
          }
          return tf.tensor(new Float32Array(wide.buffer), shape)
        },
      }
    },
  },
]
