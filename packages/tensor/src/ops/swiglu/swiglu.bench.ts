import * as tf from '@tensorflow/tfjs-core'
import { valueAndGradients } from '../../engine/backward-pass.ts'
import type { OpBench } from '../../testing/op-bench.ts'
import { sum } from '../elementwise/index.ts'
import { swiglu } from './index.ts'

const shape = [1024, 1024]

export const benches: OpBench[] = [
  {
    name: `swiglu ${shape.join(' x ')}`,
    bytes: 3 * 4 * shape[0]! * shape[1]!,
    contestants() {
      const [gate, up] = [tf.randomNormal(shape), tf.randomNormal(shape)]
      return {
        casa: () => swiglu(gate, up),
        tfjs: () => tf.mul(tf.mul(gate, tf.sigmoid(gate)), up),
        'casa, forward and backward': () => {
          const { value, gradients } = valueAndGradients(() => sum(swiglu(gate, up)), [gate, up])
          return [value, ...gradients]
        },
      }
    },
  },
]
