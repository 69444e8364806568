/** Decompressing weights to float32, a row at a time. */
import { blockRowBytes } from './blocks'
import { finiteHalfAt, widenBf16, widenF16 } from './halves'
import { widenBlocks } from './widen-blocks'

/** Rows of a matrix of blocks (blocks.ts) by index, as floats; id -1 gives a row of zeros. */
export function decompressBlockRows(blocks: usize, ids: usize, out: usize, count: i32, width: i32, format: i32): void {
  const rowBytes = blockRowBytes(format, width)
  for (let t = 0; t < count; t++) {
    const id = load<i32>(ids + (<usize>t << 2))
    if (id < 0) memory.fill(out, 0, <usize>width << 2)
    else widenBlocks(blocks + <usize>id * rowBytes, out, 0, width, format)
    out += <usize>width << 2
  }
}

/**
 * Rows of a compressed matrix by index, as floats; id -1 gives a row of zeros. `bits`: 16 for f16, -16 for bf16, 8 or 4 with one scale per
 * group of columns.
 */
export function decompressRows(compressed: usize, scales: usize, ids: usize, out: usize, count: i32, width: i32, bits: i32, group: i32): void {
  const stride = abs(bits) == 16 ? <usize>width << 1 : <usize>((width * bits + 31) >> 5) << 2
  const scaleBytes = group > 0 ? <usize>((width + group - 1) / group) << 1 : 0
  for (let t = 0; t < count; t++) {
    const id = load<i32>(ids + (<usize>t << 2))
    const row = compressed + <usize>id * stride
    if (id < 0) memory.fill(out, 0, <usize>width << 2)
    else if (bits == 16) widenF16(row, out, width)
    else if (bits == -16) widenBf16(row, out, width)
    else widen(row, scales + <usize>id * scaleBytes, out, 1, 0, width, width, bits, group, stride)
    out += <usize>width << 2
  }
}

/** Columns begin .. end - 1 of `count` compressed rows of `inputs` columns as floats, row after row. `begin` is a multiple of 32. */
export function widen(
  values: usize, scales: usize, to: usize, count: i32, begin: i32, end: i32, inputs: i32, bits: i32, group: i32, stride: usize,
): void {
  if (bits == 8) widenRows(values, scales, to, count, begin, end, inputs, 8, group, stride)
  else widenRows(values, scales, to, count, begin, end, inputs, 4, group, stride)
}

// @ts-ignore: decorator
@inline
function widenRows(
  values: usize, scales: usize, to: usize, count: i32, begin: i32, end: i32, inputs: i32, bits: i32, group: i32, stride: usize,
): void {
  const scaleBytes = <usize>((inputs + group - 1) / group) << 1
  for (let o = 0; o < count; o++) {
    for (let d = begin; d < end;) {
      const g = d / group
      const factor = finiteHalfAt(scales + (<usize>g << 1))
      const factors = f32x4.splat(factor)
      const groupEnd = min((g + 1) * group, end)
      for (; d + 16 <= groupEnd; d += 16) {
        const q = sixteen(values, d, bits)
        const low = i16x8.extend_low_i8x16_s(q)
        const high = i16x8.extend_high_i8x16_s(q)
        v128.store(to, f32x4.mul(lowFloats(low), factors))
        v128.store(to, f32x4.mul(highFloats(low), factors), 16)
        v128.store(to, f32x4.mul(lowFloats(high), factors), 32)
        v128.store(to, f32x4.mul(highFloats(high), factors), 48)
        to += 64
      }
      for (; d < groupEnd; d++) {
        store<f32>(to, <f32>valueAt(values, d, bits) * factor)
        to += 4
      }
    }
    values += stride
    scales += scaleBytes
  }
}

/** Columns d .. d + 15 of a compressed row as bytes. */
// @ts-ignore: decorator
@inline
function sixteen(row: usize, d: i32, bits: i32): v128 {
  if (bits == 8) return v128.load(row + d)
  return nibbles(row + (d >> 1))
}

/** Sixteen signed nibbles from eight bytes, low nibble first, widened to bytes. */
// @ts-ignore: decorator
@inline
function nibbles(at: usize): v128 {
  const compressed = v128.load64_zero(at)
  const mask = i8x16.splat(15)
  const low = v128.and(compressed, mask)
  const high = v128.and(i16x8.shr_u(compressed, 4), mask)
  const unsigned = v128.shuffle<i8>(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
  return i8x16.sub(v128.xor(unsigned, i8x16.splat(8)), i8x16.splat(8))
}

// @ts-ignore: decorator
@inline
function lowFloats(shorts: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(shorts))
}

// @ts-ignore: decorator
@inline
function highFloats(shorts: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(shorts))
}

/** Column d of a compressed row. */
// @ts-ignore: decorator
@inline
function valueAt(row: usize, d: i32, bits: i32): i32 {
  if (bits == 8) return <i32>load<i8>(row + d)
  const byte = <i32>load<u8>(row + (d >> 1))
  return ((d & 1 ? byte >> 4 : byte & 15) ^ 8) - 8
}
