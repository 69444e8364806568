import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { init } from '../../engine/init.ts'
import { scope } from '../../engine/scope.ts'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor } from '../../testing/random.ts'
import { tensor } from '../create/index.ts'
import { scale } from '../elementwise/index.ts'
import { addRmsNorm, rmsNorm } from './index.ts'

const shapes: [name: string, shape: number[]][] = [
  ['one value', [1, 1]],
  ['one token', [1, 16]],
  ['no tokens', [0, 8]],
  ['odd width', [3, 7]],
  ['three axes', [2, 3, 5]],
  ['a vector', [9]],
  ['rows past one block', [70, 33]],
  ['width past one block', [2, 530]],
]

await describeOp(
  'rmsNorm',
  shapes.map(([name, shape]): OpCase => ({
    name,
    inputs: { x: randomTensor(shape, 1), weight: randomTensor(shape.slice(-1), 2) },
    run: ({ x, weight }) => rmsNorm(x!, weight!, { eps: 1e-2 }),
  })),
)

await describeOp(
  'addRmsNorm',
  shapes.map(([name, shape]): OpCase => ({
    name,
    inputs: { x: randomTensor(shape, 1), y: randomTensor(shape, 2), weight: randomTensor(shape.slice(-1), 3) },
    run: ({ x, y, weight }) => ({ ...addRmsNorm(x!, y!, weight!, { eps: 1e-2 }) }),
  })),
)

await describeOp('addRmsNorm with only one output used', [
  {
    name: 'sum',
    inputs: { x: randomTensor([3, 6], 1), y: randomTensor([3, 6], 2), weight: randomTensor([6], 3) },
    run: ({ x, y, weight }) => addRmsNorm(x!, y!, weight!, { eps: 1e-6 }).sum,
  },
  {
    name: 'only normed is used and only the weight is trained',
    inputs: { x: randomTensor([3, 6], 1), y: randomTensor([3, 6], 2), weight: randomTensor([6], 3) },
    run: ({ x, y, weight }) => addRmsNorm(x!, y!, weight!, { eps: 1e-6 }).normed,
    differentiate: ['weight'],
  },
])

describe('rmsNorm', () => {
  beforeAll(() => init({ device: 'cpu' }))

  it('is invariant to the scale of its input', async () => {
    const rows = fc.array(fc.float({ min: -5, max: 5, noNaN: true }), { minLength: 4, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(rows, fc.double({ min: 0.1, max: 100, noNaN: true }), async (values, factor) => {
        fc.pre(values.some((value) => Math.abs(value) > 0.1))
        const [plain, scaled] = scope(() => {
          const x = tensor(values, [values.length])
          const weight = tensor(
            values.map(() => 1),
            [values.length],
          )
          return [rmsNorm(x, weight, { eps: 0 }), rmsNorm(scale(x, factor), weight, { eps: 0 })]
        })
        const expected = await plain.data()
        ;(await scaled.data()).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 4))
        plain.dispose()
        scaled.dispose()
      }),
    )
  })

  it('refuses a weight of another width, and an empty last axis', () => {
    const x = tensor([1, 2, 3, 4], [2, 2])
    expect(() => rmsNorm(x, tensor([1], [1]), { eps: 1e-6 })).toThrow('rmsNorm: weight has shape [1], expected [2]')
    expect(() => addRmsNorm(x, tensor([1, 2], [2]), x, { eps: 1e-6 })).toThrow('addRmsNorm: y has shape [2], expected [2,2]')
    expect(() => rmsNorm(tensor([], [2, 0]), tensor([], [0]), { eps: 1e-6 })).toThrow('a last axis of at least one')
  })
})
