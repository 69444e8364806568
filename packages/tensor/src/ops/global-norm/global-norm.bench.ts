import * as tf from '@tensorflow/tfjs-core'
import type { OpBench } from '../../testing/op-bench.ts'
import { globalNorm } from './index.ts'

const shapes = Array.from({ length: 16 }, () => [256, 1024])

export const benches: OpBench[] = [
  {
    name: 'globalNorm of 16 x (256 x 1024)',
    bytes: 4 * 16 * 256 * 1024,
    contestants() {
      const tensors = shapes.map((shape) => tf.randomNormal(shape))
      return { casa: () => globalNorm(tensors), tfjs: () => tf.sqrt(tf.addN(tensors.map((x) => tf.sum(tf.square(x))))) }
    },
  },
]
