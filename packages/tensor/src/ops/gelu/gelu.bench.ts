import * as tf from '@tensorflow/tfjs-core'
import type { OpBench } from '../../testing/op-bench.ts'
import { gelu } from './index.ts'

const shape = [1024, 1024]
const gated = (x: tf.Tensor, gate: tf.Tensor) => tf.mul(tf.mul(x, 0.5), tf.add(gate, 1))
const plain = {
  none: (x: tf.Tensor) => gated(x, tf.erf(tf.mul(x, Math.SQRT1_2))),
  tanh: (x: tf.Tensor) => gated(x, tf.tanh(tf.mul(tf.add(x, tf.mul(tf.pow(x, 3), 0.044715)), Math.sqrt(2 / Math.PI)))),
}

export const benches: OpBench[] = (['none', 'tanh'] as const).map((approximate) => ({
  name: `gelu (${approximate}) ${shape.join(' x ')}`,
  bytes: 2 * 4 * shape[0]! * shape[1]!,
  contestants() {
    const x = tf.randomNormal(shape)
    return { casa: () => gelu(x, { approximate }), tfjs: () => plain[approximate](x) }
  },
}))
