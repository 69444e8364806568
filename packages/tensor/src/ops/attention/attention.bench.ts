import * as tf from '@tensorflow/tfjs-core'
import { dispose } from '../../engine/scope.ts'
import { valueAndGradients } from '../../engine/backward-pass.ts'
import type { Tensor } from '../../engine/tensor.ts'
import type { OpBench } from '../../testing/op-bench.ts'
import { sum } from '../elementwise/index.ts'
import { attention } from './index.ts'

interface Shape {
  name: string
  segments: number
  queries: number
  keys: number
  heads: number
  kvHeads?: number
  causal?: boolean
  gradient?: boolean
}

const E = 64
const shapes: Shape[] = [
  { name: '32 heads x 128', segments: 8, queries: 128, keys: 128, heads: 4 },
  { name: '32 heads x 128, with gradients', segments: 8, queries: 128, keys: 128, heads: 4, gradient: true },
  { name: '32 heads x 128, causal', segments: 8, queries: 128, keys: 128, heads: 4, causal: true },
  { name: '512 keys', segments: 1, queries: 256, keys: 512, heads: 4 },
  { name: '2,048 keys', segments: 1, queries: 256, keys: 2048, heads: 4 },
  { name: '8,192 keys', segments: 1, queries: 256, keys: 8192, heads: 4 },
  { name: '8,192 keys, with gradients', segments: 1, queries: 256, keys: 8192, heads: 4, gradient: true },
  { name: 'one token on 2,048 keys', segments: 1, queries: 1, keys: 2048, heads: 16, kvHeads: 2, causal: true },
]

export const benches: OpBench[] = shapes.map(
  ({ name, segments, queries, keys, heads, kvHeads = heads, causal = false, gradient = false }) => ({
    name: `attention ${name}`,
    // Two products, and four more for the gradients; recomputing the scores in the backward pass is not counted.
    operations: (gradient ? 12 : 4) * segments * queries * keys * heads * E * (causal && queries > 1 ? 0.5 : 1),
    contestants(): ReturnType<OpBench['contestants']> {
      const random = (tokens: number, heads: number): Tensor => tf.randomNormal([segments * tokens, heads, E])
      const [q, k, v] = [random(queries, heads), random(keys, kvHeads), random(keys, kvHeads)]
      const boundaries = (tokens: number) => Int32Array.from({ length: segments + 1 }, (_, s) => s * tokens)
      const options = { cuQ: boundaries(queries), cuK: boundaries(keys), causal }
      const withGradients = () => {
        const { value, gradients } = valueAndGradients(() => sum(attention(q, k, v, options)), [q, k, v])
        dispose(value)
        return gradients
      }
      const casa = gradient ? withGradients : () => attention(q, k, v, options)
      // tfjs has neither grouped heads nor a causal mask, and holds all scores at once: 33 MB for 8,192 keys.
      if (gradient || causal || heads !== kvHeads) return { casa }
      const split = (t: Tensor, tokens: number): Tensor => tf.transpose(tf.reshape(t, [segments, tokens, heads, E]), [0, 2, 1, 3])
      const tfjs = () => {
        const scores = tf.mul(tf.matMul(split(q, queries), split(k, keys), false, true), 1 / Math.sqrt(E))
        return tf.transpose(tf.matMul(tf.softmax(scores), split(v, keys)), [0, 2, 1, 3])
      }
      return { casa, tfjs }
    },
  }),
)
