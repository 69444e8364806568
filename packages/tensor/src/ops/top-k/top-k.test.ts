import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { init } from '../../engine/init.ts'
import { dispose } from '../../engine/scope.ts'
import { describeOp, type HostTensor, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor } from '../../testing/random.ts'
import { tensor } from '../create/index.ts'
import { topK } from './index.ts'

/** Few different values, so that there are many ties. */
const tied = (shape: number[]): HostTensor => ({ data: randomTensor(shape, 1).data.map(Math.round), shape })
const cases: [name: string, x: HostTensor, k: number][] = [
  ['one of one', randomTensor([1, 1], 1), 1],
  ['all of a row', randomTensor([3, 7], 1), 7],
  ['no rows', randomTensor([0, 7], 1), 3],
  ['ties', tied([5, 40]), 6],
  ['width past one block', randomTensor([2, 1030], 1), 50],
  ['rising values', { data: Float32Array.from({ length: 300 }, (_, i) => i), shape: [1, 300] }, 5],
  ['masked values', { data: Float32Array.from({ length: 70 }, (_, i) => (i % 9 === 4 ? i : -1e30)), shape: [1, 70] }, 12],
]

await describeOp(
  'topK',
  cases.map(([name, x, k]): OpCase => ({ name, inputs: { x }, run: ({ x }) => topK(x!, k), differentiate: [] })),
)

describe('topK', () => {
  beforeAll(() => init({ device: 'wasm' }))

  it('is the head of a stable sort', async () => {
    const row = fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(row, fc.nat(), async (values, pick) => {
        const k = 1 + (pick % values.length)
        const x = tensor(values, [1, values.length])
        const best = topK(x, k)
        const expected = Array.from(values.keys())
          .sort((a, b) => values[b]! - values[a]!)
          .slice(0, k)
        expect(Array.from(await best.indices.data())).toEqual(expected)
        expect(Array.from(await best.values.data())).toEqual(expected.map((column) => values[column]))
        dispose(x, best.values, best.indices)
      }),
    )
  })

  it('refuses k larger than a row', () => {
    expect(() => topK(tensor([1, 2], [1, 2]), 3)).toThrow('k must be in 1 .. 2, got 3')
  })
})
