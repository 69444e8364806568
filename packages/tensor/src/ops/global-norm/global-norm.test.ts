import { describeOp } from '../../testing/op-suite.ts'
import { randomTensor } from '../../testing/random.ts'
import { globalNorm } from './index.ts'

await describeOp('globalNorm', [
  { name: 'of nothing', inputs: {}, run: () => globalNorm([]) },
  { name: 'of one number', inputs: { x: randomTensor([], 1) }, run: ({ x }) => globalNorm([x!]), differentiate: [] },
  {
    name: 'of tensors of many shapes, one of them empty',
    inputs: {
      a: randomTensor([3, 5], 1),
      b: randomTensor([0], 2),
      c: randomTensor([1], 3),
      d: randomTensor([70, 33], 4),
      e: randomTensor([2, 3, 7], 5),
    },
    run: (tensors) => globalNorm(Object.values(tensors)),
    differentiate: [],
  },
  {
    name: 'of a hundred thousand values: no digits lost',
    inputs: { x: { data: new Float32Array(100_003).fill(0.1), shape: [100_003] } },
    run: ({ x }) => globalNorm([x!]),
    differentiate: [],
    tolerance: { forward: 1e-6 },
  },
])
