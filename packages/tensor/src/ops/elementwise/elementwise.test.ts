import { describe, expect, it } from 'vitest'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor } from '../../testing/random.ts'
import { tensor } from '../create/index.ts'
import { clone, concat, reshape, slice, transpose } from '../shape/index.ts'
import { add, mean, multiply, scale, subtract, sum, tanh } from './index.ts'

const operands = [
  { kind: 'the same shape', shape: [5, 3, 7] },
  { kind: 'a row', shape: [7] },
  { kind: 'a scalar', shape: [] },
]

const binary: OpCase[] = Object.entries({ add, subtract, multiply }).flatMap(([name, operator]) =>
  operands.map(({ kind, shape }) => ({
    name: `${name}, ${kind}`,
    inputs: { a: randomTensor([5, 3, 7], 1), b: randomTensor(shape, 2) },
    run: ({ a, b }) => operator(a!, b!),
  })),
)

const x = { x: randomTensor([6, 5, 4], 1) }
await describeOp('elementwise', [
  ...binary,
  { name: 'a tensor with itself', inputs: x, run: ({ x }) => multiply(add(x!, x!), x!) },
  { name: 'scale', inputs: x, run: ({ x }) => scale(x!, -2.5) },
  { name: 'tanh', inputs: x, run: ({ x }) => tanh(x!) },
  { name: 'sum and mean', inputs: x, run: ({ x }) => ({ sum: sum(x!), mean: mean(x!) }) },
  {
    name: 'sum and mean of nothing',
    inputs: { x: randomTensor([0, 3], 1) },
    run: ({ x }) => ({ sum: sum(x!), mean: mean(x!) }),
  },
])

await describeOp('shape', [
  { name: 'reshape', inputs: x, run: ({ x }) => multiply(reshape(x!, [5, -1]), reshape(x!, [5, 24])) },
  { name: 'transpose', inputs: x, run: ({ x }) => transpose(x!) },
  { name: 'transpose by axes', inputs: x, run: ({ x }) => transpose(x!, [1, 2, 0]) },
  { name: 'slice', inputs: x, run: ({ x }) => slice(x!, [1, 0, 2], [4, 5, 1]) },
  { name: 'clone', inputs: x, run: ({ x }) => clone(x!) },
  {
    name: 'concat, an empty one among them',
    inputs: { a: randomTensor([2, 3], 1), b: randomTensor([0, 3], 2), c: randomTensor([5, 3], 3) },
    run: ({ a, b, c }) => concat([a!, b!, c!, a!], 0),
  },
  {
    name: 'concat of columns',
    inputs: { a: randomTensor([2, 3], 1), b: randomTensor([2, 1], 2) },
    run: ({ a, b }) => concat([a!, b!], 1),
  },
])

describe('bad shapes are named', () => {
  it.each<[string, () => unknown]>([
    ['add: [2] with [3]', () => add(tensor([1, 2], [2]), tensor([1, 2, 3], [3]))],
    ['slice: begin [1] size [2] does not lie within [2]', () => slice(tensor([1, 2], [2]), [1], [2])],
    ['tensor: 1 values do not fill shape [2]', () => tensor([1], [2])],
  ])('%s', (message, f) => expect(f).toThrow(message))
})
