import { describeOp } from '../../testing/op-suite.ts'
import { randomTensor } from '../../testing/random.ts'
import { columnSum } from './index.ts'

const shapes = [[1, 1], [5], [6, 5, 4], [301, 37], [0, 3], [4, 0], [130, 70]]

await describeOp(
  'columnSum',
  shapes.map((shape) => ({
    name: `of [${shape}]`,
    inputs: { x: randomTensor(shape, 1) },
    run: ({ x }) => columnSum(x!),
  })),
)
