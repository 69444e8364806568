import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dispose, scope } from '../../engine/scope.ts'
import { wantedDevices, whyMissing } from '../../testing/devices.ts'
import { halvesOf } from '../../testing/halves.ts'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor, randomValues } from '../../testing/random.ts'
import { tensor } from '../create/index.ts'
import { linear } from '../linear/index.ts'
import { createCompressedWeight, decompressWeight } from '../compressed/index.ts'
import { joinHalves } from '@casa-js/base/internal'

const formats = ['bf16', 'f16'] as const

const shapes: [name: string, x: number[], O: number][] = [
  ['one row', [1, 64], 5],
  ['one row, one output', [33], 1],
  ['one row, narrower than a block', [1, 7], 3],
  ['one row, rows of W at odd offsets', [1, 75], 9],
  ['two rows', [2, 48], 6],
  ['four rows', [4, 37], 5],
  ['five rows', [5, 16], 3],
  ['seven rows', [7, 40], 9],
  ['three axes', [2, 3, 96], 4],
  ['no rows', [0, 32], 3],
  ['past one block', [75, 300], 131],
]

for (const format of formats) {
  await describeOp(
    `halfLinear, ${format}`,
    shapes.flatMap(([name, shape, O]) =>
      [false, true].map((biased): OpCase => {
        const D = shape.at(-1)!
        const words = halvesOf(randomValues(O * D, 1), format)
        return {
          name: `${name}${biased ? ', bias' : ''}`,
          inputs: { x: randomTensor(shape, 2), ...(biased && { bias: randomTensor([O], 3) }) },
          run: ({ x, bias }) => {
            const weight = createCompressedWeight(words, [O, D], format)
            const y = linear(x!, weight, bias)
            dispose(weight)
            return y
          },
          differentiate: ['x'],
        }
      }),
    ),
  )
}

describe('halfLinear', () => {
  it('refuses a bias of another size', () => {
    scope(() => {
      const weight = createCompressedWeight(halvesOf(new Float32Array(8), 'f16'), [2, 4], 'f16')
      const [x, bias] = [tensor(new Float32Array(4), [1, 4]), tensor([1, 2, 3], [3])]
      expect(() => linear(x, weight, bias)).toThrow('linear: bias has shape [3], expected [2]')
    })
  })
})

/** Bits of half floats, and their values. */
const known: [bits: number, value: number][] = [
  [0x3c00, 1],
  [0x8000, -0],
  [0x0001, 2 ** -24],
  [0x83ff, -1023 * 2 ** -24],
  [0x0400, 2 ** -14],
  [0x7bff, 65504],
]

for (const device of wantedDevices) {
  const missing = await whyMissing(device)
  describe.skipIf(missing)(`halfLinear on ${device}${missing ? ` (${missing})` : ''}`, () => {
    // One output per value: it is multiplied by a one at its own column and by zeros elsewhere, in a whole block of columns and past it.
    const products = async (bits: number[], columns: number, at: number, rows: number): Promise<Float32Array> => {
      const halves = Array.from({ length: bits.length * columns }, (_, i) =>
        i % columns === at ? bits[Math.floor(i / columns)]! : 0,
      )
      const weight = createCompressedWeight(joinHalves(halves!), [bits.length, columns], 'f16')
      const x = tensor(
        Float32Array.from({ length: rows * columns }, (_, i) => Number(i % columns === at)),
        [rows, columns],
      )
      const y = linear(x, weight)
      const found = (await y.data()).slice(0, bits.length) as Float32Array
      dispose(weight, x, y)
      return found
    }
    const places = [0, 1, 9, 15, 17].flatMap((at) => [1, 2, 8].map((rows) => ({ at, rows })))

    it('reads half floats exactly, subnormals included', async () => {
      for (const { at, rows } of places) {
        const found = await products(
          known.map(([bits]) => bits),
          18,
          at,
          rows,
        )
        expect(Array.from(found), `${rows} rows, column ${at}`).toEqual(known.map(([, value]) => value || 0))
      }
    })

    // A shader may assume that there are no infinities and no NaN.
    it.skipIf(device === 'webgpu')('keeps infinities and NaN', async () => {
      for (const { at, rows } of places) {
        const found = await products([0x7c00, 0xfc00, 0x7e01], 18, at, rows)
        expect(Array.from(found), `${rows} rows, column ${at}`).toEqual([Infinity, -Infinity, NaN])
      }
    })

    // The scaling of x that wasm uses for f16 must not change results.
    it.skipIf(device === 'webgpu')('is linear over floats, for the largest and the smallest x', async () => {
      const input = fc.record({
        format: fc.constantFrom(...formats),
        rows: fc.constantFrom(1, 2, 7),
        inputs: fc.integer({ min: 1, max: 70 }),
        outputs: fc.integer({ min: 1, max: 9 }),
        exponents: fc.array(fc.integer({ min: -110, max: 100 }), { minLength: 1, maxLength: 4 }),
        seed: fc.integer(),
      })
      await fc.assert(
        fc.asyncProperty(input, async ({ format, rows, inputs, outputs, exponents, seed }) => {
          const sized = randomValues(rows * inputs, seed).map((value, i) => value * 2 ** exponents[i % exponents.length]!)
          const weight = createCompressedWeight(
            halvesOf(randomValues(outputs * inputs, seed + 1), format),
            [outputs, inputs],
            format,
          )
          const [x, whole] = [tensor(sized, [rows, inputs]), decompressWeight(weight)]
          const [y, expected] = [linear(x, weight), linear(x, whole)]
          const [found, wanted] = [await y.data(), await expected.data()]
          const largest = sized.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
          found.forEach((value, i) => expect(Math.abs(value - wanted[i]!)).toBeLessThanOrEqual(1e-4 * largest))
          dispose(weight, x, whole, y, expected)
        }),
      )
    })
  })
}
