import { describe, expect, it } from 'vitest'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor } from '../../testing/random.ts'
import { tensor } from '../create/index.ts'
import { layerNorm } from './index.ts'

const shapes: [name: string, shape: number[]][] = [
  ['one token', [1, 16]],
  ['no tokens', [0, 8]],
  ['odd width', [3, 7]],
  ['three axes', [2, 3, 5]],
  ['rows past one block', [70, 33]],
  ['width past one block', [2, 530]],
]

await describeOp(
  'layerNorm',
  shapes.map(([name, shape]): OpCase => ({
    name,
    inputs: { x: randomTensor(shape, 1), weight: randomTensor(shape.slice(-1), 2), bias: randomTensor(shape.slice(-1), 3) },
    run: ({ x, weight, bias }) => layerNorm(x!, weight!, bias!, { eps: 1e-2 }),
  })),
)

await describeOp('layerNorm far from zero', [
  {
    name: 'mean 1000, deviation 1',
    inputs: {
      x: { data: randomTensor([4, 40], 1).data.map((value) => value + 1000), shape: [4, 40] },
      weight: randomTensor([40], 2),
      bias: randomTensor([40], 3),
    },
    run: ({ x, weight, bias }) => layerNorm(x!, weight!, bias!, { eps: 1e-5 }),
    differentiate: [],
    // One unit in the last place of the input is 6e-5 of its standard deviation.
    tolerance: { forward: 2e-4 },
  },
])

describe('layerNorm', () => {
  it('refuses a bias of another width', () => {
    const x = tensor([1, 2, 3, 4], [2, 2])
    const row = tensor([1, 1], [2])
    expect(() => layerNorm(x, row, tensor([1], [1]), { eps: 1e-6 })).toThrow('layerNorm: bias has shape [1], expected [2]')
  })
})
