import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dispose } from '../../engine/scope.ts'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor, randomValues } from '../../testing/random.ts'
import { tensor } from '../create/index.ts'
import { halfToFloat } from '@casa-js/base/internal'
import { createQuantizedWeight, dequantize, quantize, quantizedLinear } from './index.ts'

const shapes: [name: string, x: number[], O: number, group: number][] = [
  ['one row', [1, 64], 5, 32],
  ['one row, one output', [32], 1, 32],
  ['one row, last group half full', [1, 160], 7, 64],
  ['one row, ragged last group', [1, 75], 9, 32],
  ['no rows', [0, 32], 3, 32],
  ['odd sizes', [3, 37], 6, 64],
  ['six rows', [6, 96], 11, 32],
  ['seven rows', [7, 96], 11, 32],
  ['three axes', [2, 3, 96], 4, 32],
  ['past one block', [70, 130], 67, 64],
  ['a width smaller than a word', [2, 3], 5, 32],
]

/** wasm rounds a few rows of x to 16 bits, unless told to be exact. Many rows in 8 bits: byte-product.test.ts. */
const rounding = [{ exact: true }, { exact: false, int8Activations: false, tolerance: { forward: 1e-4 } }]

for (const bits of [8, 4] as const) {
  await describeOp(
    `quantizedLinear, int${bits}`,
    shapes.flatMap(([name, shape, O, group]) =>
      [false, true].flatMap((biased) =>
        rounding.map((precision): OpCase => {
          const D = shape.at(-1)!
          const compressed = quantize(randomValues(O * D, 1), [O, D], { bits, group })
          return {
            name: `${name}${biased ? ', bias' : ''}${precision.exact ? ', exact' : ''}`,
            ...precision,
            inputs: { x: randomTensor(shape, 2), ...(biased && { bias: randomTensor([O], 3) }) },
            run: ({ x, bias }) => {
              const weight = createQuantizedWeight(compressed)
              const y = quantizedLinear(x!, weight, bias)
              dispose(weight.values, weight.scales)
              return y
            },
            differentiate: ['x'],
          }
        }),
      ),
    ),
  )
}

await describeOp(
  'quantizedLinear of one uneven row',
  ([8, 4] as const).flatMap((bits) =>
    rounding.map((precision): OpCase => {
      const values = randomValues(256, 4).map((value, i) => (i < 64 ? 0 : i === 70 ? 1e4 : i < 128 ? value : value * 1e-6))
      return {
        name: `zeros, an outlier, tiny values; int${bits}${precision.exact ? ', exact' : ''}`,
        ...precision,
        inputs: { x: { data: values, shape: [1, 256] } },
        run: ({ x }) => {
          const weight = createQuantizedWeight(quantize(randomValues(9 * 256, 1), [9, 256], { bits }))
          const y = quantizedLinear(x!, weight)
          dispose(weight.values, weight.scales)
          return y
        },
        differentiate: [],
      }
    }),
  ),
)

await describeOp(
  'quantizedLinear of groups whose products exceed 32 bits',
  ([8, 4] as const).map((bits): OpCase => {
    const [O, D] = [3, 9 * 1024 + 32]
    return {
      name: `int${bits}`,
      inputs: { x: { data: new Float32Array(D).fill(1), shape: [1, D] } },
      run: ({ x }) => {
        const weight = createQuantizedWeight(quantize(new Float32Array(O * D).fill(1), [O, D], { bits, group: 8192 }))
        const y = quantizedLinear(x!, weight)
        dispose(weight.values, weight.scales)
        return y
      },
      differentiate: [],
    }
  }),
)

describe('quantize', () => {
  const matrix = fc.record({
    outputs: fc.integer({ min: 1, max: 5 }),
    inputs: fc.integer({ min: 1, max: 80 }),
    group: fc.constantFrom(32, 64),
    deviation: fc.double({ min: 1e-5, max: 1e4, noNaN: true }),
    seed: fc.integer(),
  })

  it('in 8 bits changes no weight by more than half its scale, which is set by the largest weight of its group', () => {
    fc.assert(
      fc.property(matrix, ({ outputs, inputs, group, deviation, seed }) => {
        const bits = 8
        const weight = randomValues(outputs * inputs, seed).map((value) => value * deviation)
        const compressed = quantize(weight, [outputs, inputs], { bits, group })
        const back = dequantize(compressed)
        const groups = Math.ceil(inputs / group)
        weight.forEach((value, i) => {
          const at = Math.floor(i / inputs) * groups + Math.floor((i % inputs) / group)
          const scale = halfToFloat((compressed.scales[at >> 1]! >>> (16 * (at & 1))) & 0xffff)
          expect(Math.abs(back[i]! - value)).toBeLessThanOrEqual(0.5 * scale * (1 + 1e-6))
        })
      }),
    )
  })

  it('keeps what it can represent, columns low bits first', () => {
    const row = Float32Array.from([1, -2, 3, -4, 5, -6, 7, -7, 1])
    const compressed = quantize(row, [1, 9], { bits: 4 })
    expect(Array.from(compressed.values, (word) => (word >>> 0).toString(16))).toEqual(['97a5c3e1', '1'])
    expect(compressed.scales).toEqual(Int32Array.of(0x3c00))
    expect(dequantize(compressed)).toEqual(row)
    const bytes = quantize(Float32Array.of(127, -1, 2, -127, 64), [1, 5], { bits: 8 })
    expect(Array.from(bytes.values, (word) => (word >>> 0).toString(16))).toEqual(['8102ff7f', '40'])
  })

  it('quantises zeros to zeros', () => {
    expect(dequantize(quantize(new Float32Array(40), [1, 40], { bits: 8 }))).toEqual(new Float32Array(40))
  })

  it('refuses unsupported group sizes, and values that are not finite or too large', () => {
    expect(() => quantize(new Float32Array(4), [1, 4], { bits: 8, group: 20 })).toThrow('group must be a multiple of 32, got 20')
    expect(() => quantize(Float32Array.of(1, NaN), [1, 2], { bits: 8 })).toThrow('the weight holds NaN')
    expect(() => quantize(Float32Array.of(1e9), [1, 1], { bits: 8 })).toThrow('too large for scales of 16 bits')
    expect(() => quantize(new Float32Array(3), [1, 4], { bits: 8 })).toThrow('3 values are not [1,4]')
  })
})

describe('quantizedLinear', () => {
  it('refuses an input of another width', () => {
    const weight = createQuantizedWeight(quantize(new Float32Array(8), [2, 4], { bits: 8 }))
    expect(() => quantizedLinear(tensor([1, 2, 3], [1, 3]), weight)).toThrow('x has shape [1,3], expected a last axis of 4')
    dispose(weight.values, weight.scales)
  })
})
