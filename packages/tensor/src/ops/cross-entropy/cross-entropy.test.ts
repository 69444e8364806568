import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { init } from '../../engine/init.ts'
import { dispose, withoutLeaks } from '../../engine/scope.ts'
import { valueAndGradients } from '../../engine/backward-pass.ts'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomNumbers, randomTensor } from '../../testing/random.ts'
import { tensor } from '../create/index.ts'
import { matMul } from '../matmul/index.ts'
import { crossEntropy } from './index.ts'
import { linearCrossEntropy } from './linear.ts'

const shapes: [name: string, T: number, V: number][] = [
  ['one token, two words', 1, 2],
  ['odd sizes', 3, 7],
  ['rows past one block', 70, 9],
  ['columns past one block', 4, 530],
]

/** Every third row has weight 0 and no target. */
function labels(T: number, V: number) {
  const next = randomNumbers(T + V)
  const weights = Float32Array.from({ length: T }, (_, t) => (t % 3 === 1 ? 0 : 0.5 + next()))
  return { weights, targets: Int32Array.from(weights, (weight) => (weight === 0 ? -100 : Math.floor(next() * V))) }
}

await describeOp(
  'crossEntropy',
  shapes.map(([name, T, V]): OpCase => {
    const { targets, weights } = labels(T, V)
    return { name, inputs: { logits: randomTensor([T, V], 1) }, run: ({ logits }) => crossEntropy(logits!, targets, weights) }
  }),
)

await describeOp('crossEntropy at the edges', [
  {
    name: 'no row counts',
    inputs: { logits: randomTensor([2, 5], 1) },
    run: ({ logits }) => crossEntropy(logits!, Int32Array.of(-1, -1), Float32Array.of(0, 0)),
  },
  {
    name: 'no rows',
    inputs: { logits: randomTensor([0, 5], 1) },
    run: ({ logits }) => crossEntropy(logits!, new Int32Array(0), new Float32Array(0)),
  },
  {
    name: 'no rows, the vocabulary in chunks',
    inputs: { hidden: randomTensor([0, 4], 1), weight: randomTensor([9, 4], 2) },
    run: ({ hidden, weight }) => linearCrossEntropy(hidden!, weight!, new Int32Array(0), new Float32Array(0), { chunk: 4 }),
  },
  {
    name: 'logits far from zero, and masked ones',
    inputs: { logits: { data: Float32Array.of(1e4, 1e4 + 1, -1e30, -1e4, -1e4 - 1, -1e30), shape: [2, 3] } },
    run: ({ logits }) => crossEntropy(logits!, Int32Array.of(0, 1), Float32Array.of(1, 1)),
    differentiate: [],
  },
])

await describeOp(
  'linearCrossEntropy',
  [1, 4, 7, 20, 100].map((chunk): OpCase => {
    const [T, D, V] = [5, 6, 20]
    const { targets, weights } = labels(T, V)
    return {
      name: `vocabulary of ${V} by ${chunk}`,
      inputs: { hidden: randomTensor([T, D], 1), weight: randomTensor([V, D], 2) },
      run: ({ hidden, weight }) => linearCrossEntropy(hidden!, weight!, targets, weights, { chunk }),
    }
  }),
)

await describeOp('linearCrossEntropy with only one side trained', [
  ...['hidden', 'weight'].map((name): OpCase => ({
    name,
    inputs: { hidden: randomTensor([3, 6], 1), weight: randomTensor([9, 6], 2) },
    run: ({ hidden, weight }) =>
      linearCrossEntropy(hidden!, weight!, Int32Array.of(8, 0, 3), Float32Array.of(1, 1, 1), { chunk: 4 }),
    differentiate: [name],
  })),
])

describe('linearCrossEntropy', () => {
  beforeAll(() => init({ device: 'wasm' }))

  it('equals crossEntropy of the product, whatever the chunk', async () => {
    const size = fc.integer({ min: 1, max: 12 })
    await fc.assert(
      fc.asyncProperty(size, size, fc.integer({ min: 2, max: 40 }), fc.integer({ min: 1, max: 50 }), (T, D, V, chunk) =>
        withoutLeaks('the comparison', async () => {
          const { targets, weights } = labels(T, V)
          const hidden = tensor(randomTensor([T, D], 1).data, [T, D])
          const weight = tensor(randomTensor([V, D], 2).data, [V, D])
          const whole = valueAndGradients(
            () => crossEntropy(matMul(hidden, weight, { transposeB: true }), targets, weights),
            [hidden, weight],
          )
          const parts = valueAndGradients(() => linearCrossEntropy(hidden, weight, targets, weights, { chunk }), [hidden, weight])
          for (const [found, expected] of [
            [parts.value, whole.value],
            ...parts.gradients.map((gradient, i) => [gradient, whole.gradients[i]]),
          ]) {
            const values = await expected!.data()
            ;(await found!.data()).forEach((value, i) => expect(value).toBeCloseTo(values[i]!, 4))
          }
          dispose(hidden, weight, whole.value, ...whole.gradients, parts.value, ...parts.gradients)
        }),
      ),
      { numRuns: 30 },
    )
  })
})

describe('crossEntropy refuses', () => {
  const logits = () => tensor([1, 2, 3, 4], [2, 2])
  it('a counted target outside the vocabulary, naming its row', () => {
    expect(() => crossEntropy(logits(), Int32Array.of(0, 2), Float32Array.of(1, 1))).toThrow('target 2 of row 1 is not in 0 .. 1')
  })
  it('negative weights, and labels of another length', () => {
    expect(() => crossEntropy(logits(), Int32Array.of(0, 1), Float32Array.of(1, -1))).toThrow('weight -1 of row 1')
    expect(() => crossEntropy(logits(), Int32Array.of(0), Float32Array.of(1, 1))).toThrow('targets has 1 entries, expected 2')
  })
  it('a chunk of nothing', () => {
    const run = () => linearCrossEntropy(logits(), logits(), Int32Array.of(0, 1), Float32Array.of(1, 1), { chunk: 0 })
    expect(run).toThrow('chunk must be at least 1')
  })
})
