import * as tf from '@tensorflow/tfjs-core'
import type { OpBench } from '../../testing/op-bench.ts'
import { matMul } from './index.ts'

// The products in a training step of the reference decoder (1,024 tokens, width 256, feed-forward 1,024), and in decoding one token.
const products: { name: string; M: number; K: number; N: number; transposeA?: boolean; transposeB?: boolean }[] = [
  { name: 'x wᵀ (forward)', M: 1024, K: 256, N: 1024, transposeB: true },
  { name: 'dy w (gradient of x)', M: 1024, K: 1024, N: 256 },
  { name: 'dyᵀ x (gradient of w)', M: 1024, K: 1024, N: 256, transposeA: true },
  { name: 'aᵀ bᵀ', M: 512, K: 512, N: 512, transposeA: true, transposeB: true },
  { name: 'x wᵀ, one row', M: 1, K: 2048, N: 2048, transposeB: true },
  { name: 'x wᵀ, 16 rows', M: 16, K: 2048, N: 2048, transposeB: true },
]

export const benches: OpBench[] = products.map(({ name, M, K, N, transposeA = false, transposeB = false }) => ({
  name: `matMul ${name}: ${M} x ${K} x ${N}`,
  operations: 2 * M * K * N,
  bytes: 4 * (M * K + K * N + M * N),
  contestants() {
    const a = tf.randomNormal<tf.Rank.R2>(transposeA ? [K, M] : [M, K])
    const b = tf.randomNormal<tf.Rank.R2>(transposeB ? [N, K] : [K, N])
    return {
      casa: () => matMul(a, b, { transposeA, transposeB }),
      tfjs: () => tf.matMul(a, b, transposeA, transposeB),
    }
  },
}))
