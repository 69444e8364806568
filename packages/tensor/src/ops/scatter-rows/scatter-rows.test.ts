import { expect, it } from 'vitest'
import { describeOp } from '../../testing/op-suite.ts'
import { randomNumbers, randomTensor } from '../../testing/random.ts'
import { tensor } from '../create/index.ts'
import { scatterRows } from './index.ts'

const next = randomNumbers(5)
const cases: { name: string; N: number; inner: number[]; ids: number[] }[] = [
  { name: 'one row of one', N: 1, inner: [1], ids: [0] },
  { name: 'rows that add up, and rows that are dropped', N: 5, inner: [7], ids: [4, -1, 0, 0, 4, -1, 2] },
  { name: 'three axes', N: 4, inner: [3, 8], ids: [3, 1, -1] },
  { name: 'no rows', N: 3, inner: [4], ids: [] },
  { name: 'all dropped', N: 2, inner: [3], ids: [-1, -1] },
  { name: 'empty rows', N: 2, inner: [0], ids: [1] },
  { name: 'many rows', N: 50, inner: [33], ids: Array.from({ length: 300 }, () => Math.floor(next() * 51) - 1) },
]

await describeOp(
  'scatterRows',
  cases.map(({ name, N, inner, ids }) => ({
    name,
    inputs: { rows: randomTensor([ids.length, ...inner], 1) },
    run: ({ rows }) => scatterRows(rows!, Int32Array.from(ids), N),
  })),
)

it('scatterRows names an id outside the table, and its position', () => {
  const rows = tensor([1, 2, 3, 4], [2, 2])
  expect(() => scatterRows(rows, Int32Array.of(-2, 0), 2)).toThrow('scatterRows: id -2 at position 0 is not in -1 .. 1')
  expect(() => scatterRows(rows, Int32Array.of(0), 2)).toThrow('scatterRows: 1 ids for 2 rows')
})
