import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomNumbers } from '../../testing/random.ts'
import { tensor } from '../create/index.ts'
import { floatToHalf, halfToFloat, joinHalves, widenBf16, widenF16 } from './index.ts'

const operators = { bf16: widenBf16, f16: widenF16 }
const shapes = [[], [0], [1], [3, 5], [2, 8], [70, 33]]

/** Random bits of finite numbers: a sign, an exponent that is not all ones, a fraction. */
function finiteHalves(size: number, format: 'bf16' | 'f16'): number[] {
  const next = randomNumbers(size)
  const special = format === 'bf16' ? 0x7f80 : 0x7c00
  return Array.from({ length: size }, () => {
    const bits = Math.floor(next() * 0x10000)
    return (bits & special) === special ? bits & ~special : bits
  })
}

for (const format of ['bf16', 'f16'] as const) {
  await describeOp(
    `widen ${format}`,
    shapes.map((shape): OpCase => {
      const size = shape.reduce((a, b) => a * b, 1)
      const words = joinHalves(finiteHalves(size, format))
      return {
        name: `[${shape}]`,
        inputs: { halves: { data: words, shape: [words.length] } },
        run: ({ halves }) => operators[format](halves!, shape),
      }
    }),
  )
}

await describeOp('widenF16 of every finite half', [
  {
    name: 'subnormals included',
    inputs: { halves: { data: joinHalves(Array.from({ length: 0x7c00 }, (_, bits) => bits)), shape: [0x3e00] } },
    run: ({ halves }) => widenF16(halves!, [0x7c00]),
    tolerance: { forward: 0 },
  },
])

describe('half precision', () => {
  it('reads known patterns', () => {
    const known = [
      [0x3c00, 1],
      [0xc000, -2],
      [0x7bff, 65504],
      [0x0001, 2 ** -24],
      [0x03ff, 1023 * 2 ** -24],
      [0x0400, 2 ** -14],
      [0x7c00, Infinity],
      [0xfc00, -Infinity],
    ]
    for (const [bits, value] of known) {
      expect(halfToFloat(bits!)).toBe(value)
      expect(floatToHalf(value!)).toBe(bits)
    }
    expect(halfToFloat(0x7e01)).toBeNaN()
    expect(floatToHalf(-0)).toBe(0x8000)
  })

  it('rounds to nearest, ties to even', () => {
    for (let bits = 0; bits < 0x7c00; bits++) {
      expect(floatToHalf(halfToFloat(bits))).toBe(bits)
      if (bits === 0x7bff) continue
      const middle = (halfToFloat(bits) + halfToFloat(bits + 1)) / 2
      if (floatToHalf(middle) !== (bits & 1 ? bits + 1 : bits)) expect.fail(`tie above ${bits} goes to ${floatToHalf(middle)}`)
    }
    fc.assert(
      fc.property(fc.double({ min: -65504, max: 65504, noNaN: true }), (value) => {
        const error = Math.abs(halfToFloat(floatToHalf(value)) - value)
        expect(error).toBeLessThanOrEqual(Math.max(2 ** -25, Math.abs(value) * 2 ** -11))
      }),
    )
    expect([65519, 65520, 1e9].map(floatToHalf)).toEqual([0x7bff, 0x7c00, 0x7c00])
  })

  it('is refused if words are missing or of another dtype', () => {
    expect(() => widenF16(tensor(Int32Array.of(1), [1]), [3])).toThrow('widenF16: halves has shape [1], expected [2]')
    expect(() => widenBf16(tensor([1], [1]), [2])).toThrow('widenBf16: halves must be int32')
  })
})
