import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { close, init } from '../../engine/init.ts'
import { flushKernels, runningDevice } from '../../engine/wasm/device.ts'
import { dispose, scope } from '../../engine/scope.ts'
import { valueAndGradients } from '../../engine/backward-pass.ts'
import type { Tensor } from '../../engine/tensor.ts'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor } from '../../testing/random.ts'
import { tensor, zeros } from '../create/index.ts'
import { sum } from '../elementwise/index.ts'
import { slice } from '../shape/index.ts'
import { attention } from './index.ts'

interface Shape {
  name: string
  cuQ: number[]
  cuK?: number[]
  H?: number
  K?: number
  E?: number
  causal?: boolean
  window?: number
  scale?: number
}

const shapes: Shape[] = [
  { name: 'one token', cuQ: [0, 1], causal: true },
  { name: 'one segment', cuQ: [0, 9] },
  { name: 'causal, two segments', cuQ: [0, 4, 11], causal: true },
  { name: 'empty segments', cuQ: [0, 0, 3, 3, 8], cuK: [0, 2, 2, 5, 9], causal: true },
  { name: 'no keys anywhere', cuQ: [0, 5], cuK: [0, 0] },
  { name: 'more keys than queries (cached decoding)', cuQ: [0, 1], cuK: [0, 23], causal: true, H: 4, K: 2 },
  { name: 'more queries than keys: the first see nothing', cuQ: [0, 7], cuK: [0, 4], causal: true },
  { name: 'grouped 2', cuQ: [0, 6, 10], H: 4, K: 2, causal: true },
  { name: 'grouped 8', cuQ: [0, 5], H: 8, K: 1 },
  { name: 'head size 20', cuQ: [0, 6], E: 20, H: 3, causal: true },
  { name: 'head size 64, past one tile', cuQ: [0, 70], E: 64, H: 1, causal: true },
  { name: 'head size 80, windows', cuQ: [0, 16, 21], E: 80, H: 2 },
  { name: 'head size 128', cuQ: [0, 17], cuK: [0, 35], E: 128, H: 2, K: 1, causal: true },
  { name: 'few queries, many keys', cuQ: [0, 1, 3], cuK: [0, 300, 310], causal: true, H: 4, K: 2 },
  { name: 'few queries, many keys, head size 7', cuQ: [0, 2, 2, 3], cuK: [0, 0, 5, 270], causal: true, E: 7 },
  { name: 'head size 7, large scores', cuQ: [0, 12], E: 7, scale: 6 },
  { name: 'window of 1: a query sees itself', cuQ: [0, 6], causal: true, window: 1 },
  { name: 'window of 3, two segments', cuQ: [0, 4, 15], causal: true, window: 3 },
  { name: 'window larger than the segment', cuQ: [0, 6], causal: true, window: 9 },
  { name: 'window of 5, grouped, past one tile', cuQ: [0, 70], E: 16, H: 4, K: 2, causal: true, window: 5 },
  { name: 'window of 13, past one tile, head size 20', cuQ: [0, 31, 90], E: 20, H: 3, causal: true, window: 13 },
  { name: 'window of 7, cached decoding', cuQ: [0, 1], cuK: [0, 23], causal: true, H: 4, K: 2, window: 7 },
  { name: 'window of 40, few queries, many keys', cuQ: [0, 1, 4], cuK: [0, 300, 340], causal: true, H: 4, K: 2, window: 40 },
  { name: 'window of 6, a cache and many queries', cuQ: [0, 19], cuK: [0, 50], causal: true, H: 2, K: 1, window: 6 },
  { name: 'window, more queries than keys', cuQ: [0, 12], cuK: [0, 5], causal: true, window: 2 },
  { name: 'one query each, grouped 3', cuQ: [0, 1, 1, 2, 3], cuK: [0, 130, 130, 131, 200], E: 64, H: 6, K: 2, causal: true },
  { name: 'one query, twelve heads on one', cuQ: [0, 1], cuK: [0, 70], E: 128, H: 12, K: 1, causal: true },
  { name: 'one query, window of 90, head size 20', cuQ: [0, 1], cuK: [0, 200], E: 20, H: 2, causal: true, window: 90 },
  { name: 'one query, keys in parts', cuQ: [0, 1], cuK: [0, 500], E: 20, H: 4, K: 2, causal: true },
  { name: 'three queries, keys in parts, large scores', cuQ: [0, 3], cuK: [0, 300], E: 7, H: 4, K: 2, causal: true, scale: 6 },
  { name: 'three queries, keys in parts that all see', cuQ: [0, 3], cuK: [0, 300], E: 16, H: 3, K: 1 },
  { name: 'one query without keys', cuQ: [0, 1, 2], cuK: [0, 0, 3], E: 64, H: 4, K: 2 },
  { name: 'many rows of four heads on one', cuQ: [0, 20], cuK: [0, 90], E: 128, H: 4, K: 1, causal: true },
  { name: 'window, large scores of negative scale', cuQ: [0, 24], E: 7, causal: true, scale: -6, window: 4 },
]

const cases: OpCase[] = shapes.map(({ name, cuQ, cuK = cuQ, H = 2, K = H, E = 8, causal = false, window, scale }) => {
  const [Tq, Tk] = [cuQ.at(-1)!, cuK.at(-1)!]
  return {
    name,
    inputs: { q: randomTensor([Tq, H, E], 1), k: randomTensor([Tk, K, E], 2), v: randomTensor([Tk, K, E], 3) },
    run: ({ q, k, v }) => attention(q!, k!, v!, { cuQ: Int32Array.from(cuQ), cuK: Int32Array.from(cuK), causal, window, scale }),
  }
})

await describeOp('attention', cases)

describe('a sliding window', () => {
  beforeAll(() => init({ device: 'cpu' }))

  it('gives each query the same result as attention over its own keys alone', async () => {
    const shape = fc.record({ tokens: fc.integer({ min: 1, max: 12 }), window: fc.integer({ min: 1, max: 14 }), seed: fc.nat() })
    await fc.assert(
      fc.asyncProperty(shape, async ({ tokens, window, seed }) => {
        const [q, k, v] = [0, 1, 2].map((i) => tensor(randomTensor([tokens, 2, 4], seed + i).data, [tokens, 2, 4])) as [
          Tensor,
          Tensor,
          Tensor,
        ]
        const cu = Int32Array.of(0, tokens)
        const together = attention(q, k, v, { cuQ: cu, cuK: cu, causal: true, window })
        for (let t = 0; t < tokens; t++) {
          const first = Math.max(0, t - window + 1)
          const alone = scope(() => {
            const [keys, values] = [k, v].map((x) => slice(x, [first, 0, 0], [t + 1 - first, 2, 4])) as [Tensor, Tensor]
            const cuK = Int32Array.of(0, t + 1 - first)
            return attention(slice(q, [t, 0, 0], [1, 2, 4]), keys, values, { cuQ: Int32Array.of(0, 1), cuK, causal: false })
          })
          const row = ((await together.data()) as Float32Array).subarray(8 * t, 8 * t + 8)
          const wanted = (await alone.data()) as Float32Array
          row.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 5))
          dispose(alone)
        }
        dispose(together, q, k, v)
      }),
      { numRuns: 40 },
    )
  })
})

describe('attention refuses', () => {
  const q = () => tensor(new Float32Array(24), [3, 2, 4])
  const cu = (...at: number[]) => Int32Array.from(at)
  it('boundaries that do not end at the tokens', () => {
    expect(() => attention(q(), q(), q(), { cuQ: cu(0, 2), cuK: cu(0, 3), causal: false })).toThrow(
      'cuQ [0,2] must rise from 0 to 3',
    )
  })
  it('a different number of key segments', () => {
    expect(() => attention(q(), q(), q(), { cuQ: cu(0, 3), cuK: cu(0, 1, 3), causal: false })).toThrow(
      '1 query segments but 2 key segments',
    )
  })
  it('a window without causality, or of no keys', () => {
    const boundaries = { cuQ: cu(0, 3), cuK: cu(0, 3) }
    expect(() => attention(q(), q(), q(), { ...boundaries, causal: false, window: 2 })).toThrow('a window needs causal')
    expect(() => attention(q(), q(), q(), { ...boundaries, causal: true, window: 0 })).toThrow('whole number of keys, got 0')
  })
  it('heads that do not divide', () => {
    const k = tensor(new Float32Array(36), [3, 3, 4])
    expect(() => attention(q(), k, k, { cuQ: cu(0, 3), cuK: cu(0, 3), causal: false })).toThrow('multiple of KV heads')
  })
})

describe('memory of attention and its gradient on wasm', () => {
  afterAll(close)

  it('grows linearly with tokens: a matrix of scores would grow sixteenfold', async () => {
    await init({ device: 'wasm' })
    const peaks = [512, 2048, 8192].map((tokens) => {
      const [q, k, v] = [0, 1, 2].map(() => zeros([tokens, 1, 8])) as [Tensor, Tensor, Tensor]
      // Only one query in sixteen has keys, to keep the test short.
      const cuQ = Int32Array.of(0, tokens / 16, tokens)
      const cuK = Int32Array.of(0, tokens, tokens)
      // What was freed before lies there until the kernels that read it have run.
      flushKernels()
      const peakBytes = runningDevice('this test').heap.watch()
      const { value, gradients } = valueAndGradients(() => sum(attention(q, k, v, { cuQ, cuK, causal: false })), [q, k, v])
      const found = peakBytes()
      dispose(value, ...gradients, q, k, v)
      return found
    })
    expect(peaks[1]! / peaks[0]!).toBeLessThan(4.2)
    expect(peaks[2]! / peaks[1]!).toBeLessThan(4.2)
    expect(peaks[2]).toBeLessThan(8192 * 8192)
  })
})
