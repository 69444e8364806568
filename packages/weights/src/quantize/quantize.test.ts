import { ArgumentError } from '@casa-js/base'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { float32FromF16 } from '../safetensors/half.ts'
import { dequantizeRows, quantizeRows, type QuantizedForm } from './quantize.ts'

const form = fc.record({ bits: fc.constantFrom(8 as const, 4 as const), group: fc.constantFrom(32, 64) })
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

describe('quantised matrices', () => {
  it('stay within half a scale of every weight', () => {
    fc.assert(
      fc.property(matrix, form, ({ inputs, weight }, form) => {
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
