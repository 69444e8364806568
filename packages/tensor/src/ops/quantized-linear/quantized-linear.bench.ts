import * as tf from '@tensorflow/tfjs-core'
import { copier } from '../../testing/copier.ts'
import type { OpBench } from '../../testing/op-bench.ts'
import { randomValues } from '../../testing/random.ts'
import { linear } from '../linear/index.ts'
import { createQuantizedWeight, quantize, quantizedLinear } from './index.ts'

const [O, D] = [8192, 2048]
const forms = ([8, 4] as const).flatMap((bits) => [32, 128].map((group) => ({ bits, group })))

export const benches: OpBench[] = [
  ...forms.map(({ bits, group }): OpBench => {
    const bytes = (O * D * bits) / 8 + (O * D * 2) / group
    return {
      name: `quantizedLinear, one row, ${O} x ${D} int${bits} by ${group}`,
      bytes,
      contestants() {
        const x = tf.randomNormal([1, D])
        const weight = createQuantizedWeight(quantize(randomValues(O * D, 1), [O, D], { bits, group }))
        return { casa: () => quantizedLinear(x, weight), 'copy of the compressed bytes': copier(bytes) }
      },
    }
  }),
  {
    name: `linear, one row, ${O} x ${D} float32`,
    bytes: 4 * O * D,
    contestants() {
      const [x, weight] = [tf.randomNormal([1, D]), tf.randomNormal([O, D])]
      return { casa: () => linear(x, weight), 'copy of the bytes': copier(4 * O * D) }
    },
  },
  {
    name: `quantizedLinear, 64 rows, 2048 x ${D} int8`,
    operations: 2 * 64 * 2048 * D,
    contestants() {
      const x = tf.randomNormal([64, D])
      const values = randomValues(2048 * D, 1)
      const weight = createQuantizedWeight(quantize(values, [2048, D], { bits: 8 }))
      const whole = tf.tensor2d(values, [2048, D])
      return { casa: () => quantizedLinear(x, weight), 'casa, linear in float32': () => linear(x, whole) }
    },
  },
]
