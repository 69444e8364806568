import { expect, it } from 'vitest'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomNumbers, randomTensor } from '../../testing/random.ts'
import { tensor } from '../create/index.ts'
import { gatherRows } from './index.ts'

const next = randomNumbers(5)
const shapes: { name: string; shape: number[]; ids: number[] }[] = [
  { name: 'one row of one', shape: [1, 1], ids: [0] },
  { name: 'repeated and missing rows', shape: [5, 7], ids: [4, -1, 0, 0, 4, -1, 2] },
  { name: 'three axes', shape: [4, 3, 8], ids: [3, 1, -1] },
  { name: 'no ids', shape: [3, 4], ids: [] },
  { name: 'many rows', shape: [50, 33], ids: Array.from({ length: 300 }, () => Math.floor(next() * 51) - 1) },
]

const gathers: OpCase[] = shapes.map(({ name, shape, ids }) => ({
  name,
  inputs: { table: randomTensor(shape, 1) },
  run: ({ table }) => gatherRows(table!, Int32Array.from(ids)),
}))
await describeOp('gatherRows', gathers)

it('gatherRows names an id outside the table, and its position', () => {
  const table = tensor([1, 2, 3, 4], [2, 2])
  expect(() => gatherRows(table, Int32Array.of(0, 2))).toThrow('gatherRows: id 2 at position 1 is not in -1 .. 1')
})
