/**
 * One row times weights in 8 or 4 bits: what decoding a token is made of. Every packed word is read once.
 *
 * Turning each weight into a float would cost more than reading it. Instead each group of x becomes 31-bit fixed point (finer than
 * the floats it came from), as two 16-bit parts, x = unit (2^15 high + low), and integer dot products do eight weights an
 * instruction, exactly. Groups are summed in float32.
 */
import { finiteHalfAt } from './packed'
import { madd, maxOfLanes, sumOfLanes } from './simd'

/** Columns taken together. Their parts of x are 32 high ones and 32 low ones, 16 bits each. */
const block = 32
const partBytes: usize = 128
/** A group's unit (float), and for 4 bits -8 times the sums of its high and its low parts. */
const groupBytes: usize = 16

/**
 * y[o] = x . W[o] + bias[o] (if given). `inputs` is a multiple of 32.
 * Scratch: `parts` of 4 * inputs bytes, `groups` of 16 bytes a group.
 */
export function quantizedRow(
  x: usize, values: usize, scales: usize, bias: usize, y: usize, parts: usize, groups: usize,
  inputs: i32, outputs: i32, bits: i32, group: i32,
): void {
  split(x, parts, groups, inputs, bits, group)
  if (bits == 8) products(values, scales, bias, y, parts, groups, inputs, outputs, 8, group)
  else products(values, scales, bias, y, parts, groups, inputs, outputs, 4, group)
}

/** Inlined twice, so that `bits` is a constant in the inner loop. */
// @ts-ignore: decorator
@inline
function products(
  values: usize, scales: usize, bias: usize, y: usize, parts: usize, groups: usize,
  inputs: i32, outputs: i32, bits: i32, group: i32,
): void {
  const radix = f32x4.splat(32768)
  for (let o = 0; o < outputs; o++) {
    let total = f32x4.splat(0)
    let part = parts
    let about = groups
    for (let begin = 0; begin < inputs; begin += group) {
      // Nibbles with their sign bit flipped are 0 .. 15, eight too large: the sums start at what takes that away.
      let high = bits == 4 ? v128.load32_zero(about, 4) : i32x4.splat(0)
      let low = bits == 4 ? v128.load32_zero(about, 8) : i32x4.splat(0)
      const end = min(begin + group, inputs)
      for (let d = begin; d < end; d += block) {
        let a: v128, b: v128, c: v128, e: v128
        if (bits == 8) {
          const first = v128.load(values)
          const second = v128.load(values, 16)
          a = i16x8.extend_low_i8x16_s(first)
          b = i16x8.extend_high_i8x16_s(first)
          c = i16x8.extend_low_i8x16_s(second)
          e = i16x8.extend_high_i8x16_s(second)
          values += 32
        } else {
          const packed = v128.xor(v128.load(values), i8x16.splat(-120))
          const even = v128.and(packed, i8x16.splat(15))
          const odd = v128.and(i16x8.shr_u(packed, 4), i8x16.splat(15))
          a = i16x8.extend_low_i8x16_u(even)
          b = i16x8.extend_high_i8x16_u(even)
          c = i16x8.extend_low_i8x16_u(odd)
          e = i16x8.extend_high_i8x16_u(odd)
          values += 16
        }
        high = i32x4.add(high, dot4(a, b, c, e, part))
        low = i32x4.add(low, dot4(a, b, c, e, part + 64))
        part += partBytes
      }
      const factor = f32x4.splat(load<f32>(about) * finiteHalfAt(scales))
      total = madd(madd(f32x4.convert_i32x4_s(high), radix, f32x4.convert_i32x4_s(low)), factor, total)
      scales += 2
      about += groupBytes
    }
    const offset: f32 = bias ? load<f32>(bias + (<usize>o << 2)) : 0
    store<f32>(y + (<usize>o << 2), sumOfLanes(total) + offset)
  }
}

/** 32 products of 16-bit numbers, summed to four lanes. */
// @ts-ignore: decorator
@inline
function dot4(a: v128, b: v128, c: v128, d: v128, x: usize): v128 {
  const ab = i32x4.add(i32x4.dot_i16x8_s(a, v128.load(x)), i32x4.dot_i16x8_s(b, v128.load(x, 16)))
  const cd = i32x4.add(i32x4.dot_i16x8_s(c, v128.load(x, 32)), i32x4.dot_i16x8_s(d, v128.load(x, 48)))
  return i32x4.add(ab, cd)
}

/** x as parts and units. For 4 bits a block's even columns stand before its odd ones, as its nibbles come out. */
function split(x: usize, parts: usize, groups: usize, inputs: i32, bits: i32, group: i32): void {
  for (let begin = 0; begin < inputs; begin += group) {
    const end = min(begin + group, inputs)
    let tops = f32x4.splat(0)
    for (let d = begin; d < end; d += 4) tops = f32x4.max(tops, f32x4.abs(v128.load(x + (<usize>d << 2))))
    const top = maxOfLanes(tops)
    // The largest value becomes 2^30 - 2^15, so that its rounded high part still fits 16 bits.
    const perUnit: f32 = top > 0 ? 1073709056 / top : 0
    let highs = 0
    let lows = 0
    for (let d = begin; d < end; d++) {
      const fixed = <i32>nearest<f32>(load<f32>(x + (<usize>d << 2)) * perUnit)
      const high = (fixed + 16384) >> 15
      const low = fixed - (high << 15)
      highs += high
      lows += low
      const column = d & (block - 1)
      const slot = bits == 8 ? column : (column >> 1) + (column & 1 ? block / 2 : 0)
      const to = parts + <usize>(d / block) * partBytes + (<usize>slot << 1)
      store<i16>(to, <i16>high)
      store<i16>(to, <i16>low, 64)
    }
    store<f32>(groups, top / 1073709056)
    store<i32>(groups, -8 * highs, 4)
    store<i32>(groups, -8 * lows, 8)
    groups += groupBytes
  }
}
