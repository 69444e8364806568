import { expect, it } from 'vitest'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor } from '../../testing/random.ts'
import { tensor } from '../create/index.ts'
import { matMul } from './index.ts'

// Odd sizes on purpose: kernels work in tiles, and this tests their edges.
const sizes: [M: number, K: number, N: number][] = [
  [1, 1, 1],
  [1, 33, 17],
  [3, 5, 7],
  [5, 16, 1],
  [37, 29, 41],
  [4, 300, 9],
  [75, 65, 130],
]

const cases: OpCase[] = sizes.flatMap(([M, K, N]) =>
  [false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) => ({
      name: `[${M},${K}]${transposeA ? 'ᵀ' : ''} x [${K},${N}]${transposeB ? 'ᵀ' : ''}`,
      inputs: {
        a: randomTensor(transposeA ? [K, M] : [M, K], 1),
        b: randomTensor(transposeB ? [N, K] : [K, N], 2),
        ...(transposeA === transposeB ? { bias: randomTensor([N], 3) } : {}),
      },
      run: ({ a, b, bias }) => matMul(a!, b!, { transposeA, transposeB, bias }),
    })),
  ),
)

await describeOp('matMul', cases)

it('matMul names a bias that does not fit', () => {
  const [a, b] = [tensor([1, 2], [1, 2]), tensor([1, 2, 3, 4], [2, 2])]
  expect(() => matMul(a, b, { bias: tensor([1], [1]) })).toThrow('matMul: bias has shape [1], expected [2]')
})
