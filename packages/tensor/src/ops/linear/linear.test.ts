import { expect, it } from 'vitest'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor } from '../../testing/random.ts'
import { tensor } from '../create/index.ts'
import { linear } from './index.ts'

const shapes: { name: string; x: number[]; outputs: number; bias?: boolean }[] = [
  { name: 'one token', x: [1, 33], outputs: 17, bias: true },
  { name: 'a vector', x: [5], outputs: 3, bias: true },
  { name: 'three axes', x: [6, 5, 4], outputs: 9, bias: true },
  { name: 'no bias', x: [3, 4], outputs: 2 },
  { name: 'no tokens', x: [2, 0, 4], outputs: 3, bias: true },
  { name: 'one output', x: [7, 10], outputs: 1, bias: true },
  { name: 'past one workgroup', x: [3, 67, 70], outputs: 131, bias: true },
]

const cases: OpCase[] = shapes.map(({ name, x, outputs, bias }) => ({
  name,
  inputs: {
    x: randomTensor(x, 1),
    weight: randomTensor([outputs, x.at(-1)!], 2),
    ...(bias && { bias: randomTensor([outputs], 3) }),
  },
  run: ({ x, weight, bias }) => linear(x!, weight!, bias),
}))

await describeOp('linear', cases)

it('linear names the shapes that do not fit', () => {
  const weight = tensor([1, 2, 3], [1, 3])
  expect(() => linear(tensor([1, 2], [2]), weight)).toThrow('linear: x [2] does not fit weight [1,3], which is [out, in]')
})
