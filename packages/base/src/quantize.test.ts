import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ArgumentError } from './errors.ts'
import { float32FromF16, floatToHalf, halfToFloat } from './half.ts'
import { dequantizeRows, quantizeRows, type QuantizedForm } from './quantize.ts'

const matrix = fc
  .record({
    outputs: fc.integer({ min: 1, max: 4 }),
    inputs: fc.integer({ min: 1, max: 100 }),
    deviation: fc.constantFrom(1e-7, 0.02, 1, 1000),
  })
  .chain(({ outputs, inputs, deviation }) =>
    fc
      .array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: outputs * inputs, maxLength: outputs * inputs })
      .map((values) => ({ inputs, weight: Float32Array.from(values, (x) => x * deviation) })),
  )

/** The smallest f16 that is at least this large. */
function ceilToHalf(value: number): number {
  const bits = floatToHalf(value)
  return halfToFloat(bits) < value ? halfToFloat(bits + 1) : halfToFloat(bits)
}

describe('quantised matrices', () => {
  it('in 8 bits stay within half a scale of every weight', () => {
    fc.assert(
      fc.property(matrix, fc.constantFrom(32, 64), ({ inputs, weight }, group) => {
        const form: QuantizedForm = { bits: 8, group }
        const rows = quantizeRows(weight, inputs, form)
        const back = dequantizeRows(rows, inputs, form)
        const scales = float32FromF16(rows.scales)
        const groups = Math.ceil(inputs / form.group)
        const tooFar = weight.findIndex((value, i) => {
          const scale = scales[Math.floor(i / inputs) * groups + Math.floor((i % inputs) / form.group)]!
          return Math.abs(back[i]! - value) > (scale / 2) * 1.0001
        })
        expect(tooFar).toBe(-1)
      }),
    )
  })

  it('in 4 bits err no more than sixteen levels around zero would', () => {
    fc.assert(
      fc.property(matrix, ({ inputs, weight }) => {
        const form: QuantizedForm = { bits: 4, group: 32 }
        const back = dequantizeRows(quantizeRows(weight, inputs, form), inputs, form)
        for (let row = 0; row < weight.length; row += inputs) {
          for (let begin = 0; begin < inputs; begin += 32) {
            const values = weight.subarray(row + begin, row + Math.min(begin + 32, inputs))
            const scale = ceilToHalf(values.reduce((top, w) => Math.max(top, Math.abs(w)), 0) / 7)
            const plain = values.map((w) => (scale === 0 ? 0 : scale * Math.round(w / scale)))
            const error = (other: (i: number) => number) => values.reduce((sum, w, i) => sum + (w - other(i)) ** 2, 0)
            const searched = error((i) => back[row + begin + i]!)
            expect(searched).toBeLessThanOrEqual(error((i) => plain[i]!) * (1 + 1e-6))
          }
        }
      }),
    )
  })

  it('in 4 bits use the level that has no counterpart', () => {
    const form: QuantizedForm = { bits: 4, group: 32 }
    for (const sign of [1, -1]) {
      const weight = Float32Array.from({ length: 16 }, (_, i) => sign * (i - 7))
      const back = dequantizeRows(quantizeRows(weight, 16, form), 16, form)
      // Zero times a negative scale is -0.
      expect(back.map((value) => value + 0)).toEqual(weight.map((value) => value + 0))
    }
  })

  it('lie in words as the multiplying kernels expect', () => {
    const int8: QuantizedForm = { bits: 8, group: 32 }
    const { values, scales } = quantizeRows(Float32Array.of(127, -1, 2, -127, 64), 5, int8)
    expect([...values]).toEqual([((-127 & 255) << 24) | (2 << 16) | (255 << 8) | 127, 64])
    expect([...float32FromF16(scales)]).toEqual([1])
    const int4 = quantizeRows(Float32Array.of(7, -1, 2, -7, 0, 0, 0, 1, -2), 9, { bits: 4, group: 32 })
    expect([...int4.values]).toEqual([(1 << 28) | (9 << 12) | (2 << 8) | (15 << 4) | 7, 14])
  })

  it.each([NaN, Infinity, 1e38])('refuse the weight %d', (value) => {
    expect(() => quantizeRows(Float32Array.of(0, value), 2, { bits: 8, group: 32 })).toThrow(ArgumentError)
  })
})
