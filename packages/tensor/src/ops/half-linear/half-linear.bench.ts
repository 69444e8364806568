import * as tf from '@tensorflow/tfjs-core'
import { copier } from '../../testing/copier.ts'
import { halvesOf } from '../../testing/halves.ts'
import type { OpBench } from '../../testing/op-bench.ts'
import { randomValues } from '../../testing/random.ts'
import { linear } from '../linear/index.ts'
import { createCompressedWeight } from '../compressed/index.ts'

const D = 2048
/** Rows of x, rows of W. */
const products = [
  [1, 8192],
  [4, 8192],
  [64, 2048],
  [1024, 2048],
]

export const benches: OpBench[] = (['bf16', 'f16'] as const).flatMap((format) =>
  products.map(([rows, O]): OpBench => {
    const bytes = 2 * O! * D
    return {
      name: `linear, ${rows} rows, ${O} x ${D} ${format}`,
      bytes,
      operations: 2 * rows! * O! * D,
      contestants() {
        const values = randomValues(O! * D, 1).map((value) => value * 0.02)
        const weight = createCompressedWeight(halvesOf(values, format), [O!, D], format)
        const [x, whole] = [tf.randomNormal([rows!, D]), tf.tensor2d(values, [O!, D])]
        return {
          casa: () => linear(x, weight),
          'casa, float32': () => linear(x, whole),
          ...(rows === 1 && { 'copy of the compressed bytes': copier(bytes) }),
        }
      },
    }
  }),
)
