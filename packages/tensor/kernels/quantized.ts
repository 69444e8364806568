/**
 * Products with weights in 8 or 4 bits, one f16 scale a group of columns (the layout is that of src/ops/quantized-linear/pack.ts).
 *
 * One row of x: every packed word is read once, widened in registers and multiplied; sums are taken a group at a time.
 * More rows: four outputs' weights at a time are widened into a panel [4, inputs], which stays in the first-level cache while all
 * rows of x pass over it.
 */
import { halfAt } from './packed'
import { madd, sumOfLanes, sumsOfLanes } from './simd'

/** y[o] = x . W[o] + bias[o] (if given). `stride` is the bytes of a packed row. */
export function quantizedMatVec(
  x: usize, values: usize, scales: usize, bias: usize, y: usize, inputs: i32, outputs: i32, bits: i32, group: i32, stride: i32,
): void {
  if (bits == 8) matVec(x, values, scales, bias, y, inputs, outputs, 8, group, stride)
  else matVec(x, values, scales, bias, y, inputs, outputs, 4, group, stride)
}

/** Inlined twice, so that `bits` is a constant in the inner loop. */
// @ts-ignore: decorator
@inline
function matVec(
  x: usize, values: usize, scales: usize, bias: usize, y: usize, inputs: i32, outputs: i32, bits: i32, group: i32, stride: i32,
): void {
  let scale = scales
  for (let o = 0; o < outputs; o++) {
    let totals = f32x4.splat(0)
    let rest: f32 = 0
    for (let begin = 0; begin < inputs; begin += group, scale += 2) {
      const end = min(begin + group, inputs)
      let even = f32x4.splat(0)
      let odd = f32x4.splat(0)
      let d = begin
      for (; d + 16 <= end; d += 16) {
        const q = sixteen(values, d, bits)
        const at = x + (<usize>d << 2)
        const low = i16x8.extend_low_i8x16_s(q)
        const high = i16x8.extend_high_i8x16_s(q)
        even = madd(lowFloats(low), v128.load(at), even)
        odd = madd(highFloats(low), v128.load(at, 16), odd)
        even = madd(lowFloats(high), v128.load(at, 32), even)
        odd = madd(highFloats(high), v128.load(at, 48), odd)
      }
      const factor = halfAt(scale)
      totals = madd(f32x4.add(even, odd), f32x4.splat(factor), totals)
      for (; d < end; d++) rest += <f32>valueAt(values, d, bits) * factor * load<f32>(x + (<usize>d << 2))
    }
    const offset: f32 = bias ? load<f32>(bias + (<usize>o << 2)) : 0
    store<f32>(y + (<usize>o << 2), sumOfLanes(totals) + rest + offset)
    values += stride
  }
}

/** y[t,o] = x[t] . W[o] + bias[o] (if given). `panel` is scratch for 4 * inputs floats. */
export function quantizedMatMul(
  x: usize, values: usize, scales: usize, bias: usize, y: usize, panel: usize,
  rows: i32, inputs: i32, outputs: i32, bits: i32, group: i32, stride: i32,
): void {
  const width = <usize>inputs << 2
  const groups = (inputs + group - 1) / group
  for (let o = 0; o < outputs; o += 4) {
    const count = min(4, outputs - o)
    widen(values + <usize>o * stride, scales + (<usize>(o * groups) << 1), panel, count, inputs, bits, group, stride)
    for (let t = 0; t < rows; t++) {
      const row = x + <usize>t * width
      const out = y + (<usize>(t * outputs + o) << 2)
      if (count == 4) {
        v128.store(out, dots(row, panel, width))
      } else {
        for (let i = 0; i < count; i++) store<f32>(out + (<usize>i << 2), dot(row, panel + <usize>i * width, width))
      }
      if (bias) {
        for (let i = 0; i < count; i++) {
          const at = out + (<usize>i << 2)
          store<f32>(at, load<f32>(at) + load<f32>(bias + (<usize>(o + i) << 2)))
        }
      }
    }
  }
}

/** dx[t] = sum_o dy[t,o] W[o]. `panel` as above. */
export function quantizedGrad(
  dy: usize, values: usize, scales: usize, dx: usize, panel: usize,
  rows: i32, inputs: i32, outputs: i32, bits: i32, group: i32, stride: i32,
): void {
  const width = <usize>inputs << 2
  const blocks = width & ~15
  const groups = (inputs + group - 1) / group
  memory.fill(dx, 0, <usize>rows * width)
  for (let o = 0; o < outputs; o += 4) {
    const count = min(4, outputs - o)
    widen(values + <usize>o * stride, scales + (<usize>(o * groups) << 1), panel, count, inputs, bits, group, stride)
    if (count < 4) memory.fill(panel + <usize>count * width, 0, <usize>(4 - count) * width)
    for (let t = 0; t < rows; t++) {
      const d = dy + (<usize>(t * outputs + o) << 2)
      const out = dx + <usize>t * width
      const a = load<f32>(d)
      const b: f32 = count > 1 ? load<f32>(d, 4) : 0
      const c: f32 = count > 2 ? load<f32>(d, 8) : 0
      const e: f32 = count > 3 ? load<f32>(d, 12) : 0
      let at: usize = 0
      for (; at < blocks; at += 16) {
        const first = panel + at
        let sum = madd(f32x4.splat(a), v128.load(first), v128.load(out + at))
        sum = madd(f32x4.splat(b), v128.load(first + width), sum)
        sum = madd(f32x4.splat(c), v128.load(first + 2 * width), sum)
        v128.store(out + at, madd(f32x4.splat(e), v128.load(first + 3 * width), sum))
      }
      for (; at < width; at += 4) {
        const first = panel + at
        const sum = a * load<f32>(first) + b * load<f32>(first + width) + c * load<f32>(first + 2 * width) + e * load<f32>(first + 3 * width)
        store<f32>(out + at, load<f32>(out + at) + sum)
      }
    }
  }
}

/** `count` packed rows as floats, row after row. */
function widen(values: usize, scales: usize, panel: usize, count: i32, inputs: i32, bits: i32, group: i32, stride: i32): void {
  if (bits == 8) widenRows(values, scales, panel, count, inputs, 8, group, stride)
  else widenRows(values, scales, panel, count, inputs, 4, group, stride)
}

// @ts-ignore: decorator
@inline
function widenRows(values: usize, scales: usize, panel: usize, count: i32, inputs: i32, bits: i32, group: i32, stride: i32): void {
  for (let o = 0; o < count; o++) {
    for (let begin = 0; begin < inputs; begin += group, scales += 2) {
      const factor = halfAt(scales)
      const factors = f32x4.splat(factor)
      const end = min(begin + group, inputs)
      let d = begin
      for (; d + 16 <= end; d += 16) {
        const q = sixteen(values, d, bits)
        const out = panel + (<usize>d << 2)
        const low = i16x8.extend_low_i8x16_s(q)
        const high = i16x8.extend_high_i8x16_s(q)
        v128.store(out, f32x4.mul(lowFloats(low), factors))
        v128.store(out, f32x4.mul(highFloats(low), factors), 16)
        v128.store(out, f32x4.mul(lowFloats(high), factors), 32)
        v128.store(out, f32x4.mul(highFloats(high), factors), 48)
      }
      for (; d < end; d++) store<f32>(panel + (<usize>d << 2), <f32>valueAt(values, d, bits) * factor)
    }
    values += stride
    panel += <usize>inputs << 2
  }
}

/** One row against the panel's four. */
// @ts-ignore: decorator
@inline
function dots(x: usize, panel: usize, width: usize): v128 {
  let a = f32x4.splat(0)
  let b = f32x4.splat(0)
  let c = f32x4.splat(0)
  let d = f32x4.splat(0)
  const blocks = width & ~15
  let at: usize = 0
  for (; at < blocks; at += 16) {
    const v = v128.load(x + at)
    const first = panel + at
    a = madd(v, v128.load(first), a)
    b = madd(v, v128.load(first + width), b)
    c = madd(v, v128.load(first + 2 * width), c)
    d = madd(v, v128.load(first + 3 * width), d)
  }
  let sums = sumsOfLanes(a, b, c, d)
  for (; at < width; at += 4) {
    const first = panel + at
    const column = f32x4(load<f32>(first), load<f32>(first + width), load<f32>(first + 2 * width), load<f32>(first + 3 * width))
    sums = madd(f32x4.splat(load<f32>(x + at)), column, sums)
  }
  return sums
}

function dot(a: usize, b: usize, width: usize): f32 {
  let sums = f32x4.splat(0)
  const blocks = width & ~15
  let at: usize = 0
  for (; at < blocks; at += 16) sums = madd(v128.load(a + at), v128.load(b + at), sums)
  let sum = sumOfLanes(sums)
  for (; at < width; at += 4) sum += load<f32>(a + at) * load<f32>(b + at)
  return sum
}

/** Columns d .. d + 15 of a packed row as bytes. */
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
  const packed = v128.load64_zero(at)
  const mask = i8x16.splat(15)
  const low = v128.and(packed, mask)
  const high = v128.and(i16x8.shr_u(packed, 4), mask)
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

/** Column d of a packed row. */
// @ts-ignore: decorator
@inline
function valueAt(row: usize, d: i32, bits: i32): i32 {
  if (bits == 8) return <i32>load<i8>(row + d)
  const byte = <i32>load<u8>(row + (d >> 1))
  return ((d & 1 ? byte >> 4 : byte & 15) ^ 8) - 8
}
