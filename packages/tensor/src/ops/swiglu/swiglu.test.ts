import { describe, expect, it } from 'vitest'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor } from '../../testing/random.ts'
import { tensor } from '../create/index.ts'
import { swiglu } from './index.ts'

const shapes = [[1], [0, 4], [3, 5], [2, 3, 7], [70, 33]]

await describeOp(
  'swiglu',
  shapes.map((shape): OpCase => ({
    name: `[${shape}]`,
    inputs: { gate: randomTensor(shape, 1), up: randomTensor(shape, 2) },
    run: ({ gate, up }) => swiglu(gate!, up!),
  })),
)

const steep = Float32Array.of(-1e4, -100, -20, 20, 100, 1e4)
await describeOp('swiglu with large gates', [
  {
    name: 'stays finite',
    inputs: { gate: { data: steep, shape: [6] }, up: randomTensor([6], 1) },
    run: ({ gate, up }) => swiglu(gate!, up!),
    differentiate: ['up'],
  },
])

describe('swiglu', () => {
  it('refuses two shapes', () => {
    expect(() => swiglu(tensor([1, 2], [2]), tensor([1, 2], [1, 2]))).toThrow('swiglu: up has shape [1,2], expected [2]')
  })
})
