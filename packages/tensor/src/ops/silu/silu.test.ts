import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor } from '../../testing/random.ts'
import { silu } from './index.ts'

const shapes = [[], [0], [3, 5], [2, 3, 7], [70, 33]]

await describeOp('silu', [
  ...shapes.map((shape): OpCase => ({ name: `[${shape}]`, inputs: { x: randomTensor(shape, 1) }, run: ({ x }) => silu(x!) })),
  {
    name: 'far from zero',
    inputs: { x: { data: Float32Array.of(-1e4, -90, -10, 10, 90, 1e4), shape: [6] } },
    run: ({ x }) => silu(x!),
    differentiate: [],
  },
])
