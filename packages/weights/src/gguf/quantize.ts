/**
 * float32 values -> blocks of GGUF, as quantize of the Python package gguf and ggml's reference functions make them.
 * Source: ggml-quants.c, quantize_row_q8_0_ref, quantize_row_q4_0_ref, quantize_row_q4_1_ref.
 */
import { ArgumentError } from '@casa-js/base'
import { floatToHalf } from '@casa-js/base/internal'

/** Types that can be written beside F32, F16 and BF16. */
export const quantizedTypes = ['Q8_0', 'Q4_0', 'Q4_1'] as const

export type QuantizedType = (typeof quantizedTypes)[number]

const blockValues = 32
const blockBytes: Record<QuantizedType, number> = { Q8_0: 34, Q4_0: 18, Q4_1: 20 }

const round = Math.fround

type Encoder = (values: Float32Array, begin: number, out: DataView, at: number) => void

const encoders: Record<QuantizedType, Encoder> = {
  Q8_0(values, begin, out, at) {
    let size = 0
    for (let i = 0; i < 32; i++) size = Math.max(size, Math.abs(values[begin + i]!))
    const d = round(size / 127)
    const inverse = d === 0 ? 0 : round(1 / d)
    out.setUint16(at, floatToHalf(d), true)
    for (let i = 0; i < 32; i++) out.setInt8(at + 2 + i, awayFromZero(round(values[begin + i]! * inverse)))
  },
  Q4_0(values, begin, out, at) {
    let top = 0
    for (let i = 0; i < 32; i++) if (Math.abs(values[begin + i]!) > Math.abs(top)) top = values[begin + i]!
    const d = round(top / -8)
    const inverse = d === 0 ? 0 : round(1 / d)
    out.setUint16(at, floatToHalf(d), true)
    nibbles(out, at + 2, (i) => round(round(values[begin + i]! * inverse) + 8.5))
  },
  Q4_1(values, begin, out, at) {
    const block = values.subarray(begin, begin + blockValues)
    const least = block.reduce((a, b) => Math.min(a, b))
    const d = round(round(block.reduce((a, b) => Math.max(a, b)) - least) / 15)
    const inverse = d === 0 ? 0 : round(1 / d)
    out.setUint16(at, floatToHalf(d), true)
    out.setUint16(at + 2, floatToHalf(least), true)
    nibbles(out, at + 4, (i) => round(round(round(block[i]! - least) * inverse) + 0.5))
  },
}

/**
 * Whole blocks of 32 values.
 * @throws ArgumentError when the values do not fill whole blocks, or one is not finite.
 */
export function quantizeBlocks(values: Float32Array, type: QuantizedType): Uint8Array {
  if (values.length % blockValues !== 0) throw new ArgumentError(`${type}: ${values.length} values are no whole blocks of 32`)
  const bad = values.find((value) => !Number.isFinite(value))
  if (bad !== undefined) throw new ArgumentError(`${type}: the weight holds ${bad}`)
  const blocks = values.length / blockValues
  const bytes = new Uint8Array(blocks * blockBytes[type])
  const out = new DataView(bytes.buffer)
  for (let block = 0; block < blocks; block++) encoders[type](values, block * blockValues, out, block * blockBytes[type])
  return bytes
}

/** Packs two 4-bit levels per byte, value i and value i + 16, in sixteen bytes. */
function nibbles(out: DataView, at: number, levelOf: (i: number) => number): void {
  for (let i = 0; i < 16; i++) out.setUint8(at + i, clamped(levelOf(i)) | (clamped(levelOf(i + 16)) << 4))
}

function clamped(level: number): number {
  return Math.min(15, Math.max(0, Math.trunc(level)))
}

/** As C's roundf: halves away from zero. */
function awayFromZero(x: number): number {
  return Math.sign(x) * Math.round(Math.abs(x))
}
