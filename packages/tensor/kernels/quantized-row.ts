/**
 * One row times weights in 8 or 4 bits: the main cost of decoding a token. Every compressed word is read once.
 *
 * Turning each weight into a float would cost more than reading it. Instead each group of x becomes 31-bit fixed point (finer than
 * the floats it came from), as two 16-bit parts, x = unit (2^15 high + low), and integer dot products process eight weights per
 * instruction, exactly. Groups are summed in float32.
 */
import { finiteHalfAt } from './halves'
import { madd, maxOfLanes, sumOfLanes } from './simd'

/** Columns taken together. Their parts of x are 32 high ones and 32 low ones, 16 bits each. */
const block = 32
const partBytes: usize = 128
/** Blocks whose products of 127 and 32767 a lane of 32 bits holds: eight a block and lane. */
const blocksHeld = 64

/**
 * y[o] = x . W[o] + bias[o] (if given). `inputs` is a multiple of 32.
 * Scratch: `parts` of 4 * inputs bytes, `groups` of 8 bytes per group.
 */
export function quantizedRow(
  x: usize, values: usize, scales: usize, bias: usize, y: usize, parts: usize, groups: usize,
  inputs: i32, outputs: i32, bits: i32, group: i32,
): void {
  split(x, parts, groups, inputs, bits, group)
  if (bits == 8) {
    if (group == block) products(values, scales, bias, y, parts, groups, inputs, outputs, 8, block)
    else products(values, scales, bias, y, parts, groups, inputs, outputs, 8, group)
  } else {
    if (group == block) products(values, scales, bias, y, parts, groups, inputs, outputs, 4, block)
    else products(values, scales, bias, y, parts, groups, inputs, outputs, 4, group)
  }
}

/** Inlined four times, so that `bits` is a constant in the inner loop, and a group of one block has no loop of its own. */
// @ts-ignore: decorator
@inline
function products(
  values: usize, scales: usize, bias: usize, y: usize, parts: usize, units: usize,
  inputs: i32, outputs: i32, bits: i32, group: i32,
): void {
  const radix = f32x4.splat(32768)
  const groups = (inputs + group - 1) / group
  const factors = units + (<usize>groups << 2)
  const bytes: usize = bits == 8 ? 32 : 16
  for (let o = 0; o < outputs; o++) {
    scaleUnits(scales, units, factors, groups)
    scales += <usize>groups << 1
    let total = f32x4.splat(0)
    let part = parts
    let factor = factors
    const rowEnd = values + <usize>(inputs / block) * bytes
    while (values < rowEnd) {
      const groupEnd = group == block ? values : min(values + <usize>(group / block) * bytes, rowEnd)
      const scale = v128.load32_splat(factor)
      do {
        const end = min(values + blocksHeld * bytes, groupEnd)
        let high = i32x4.splat(0)
        let low = i32x4.splat(0)
        do {
          let a: v128, b: v128, c: v128, e: v128
          if (bits == 8) {
            const first = v128.load(values)
            const second = v128.load(values, 16)
            a = i16x8.extend_low_i8x16_s(first)
            b = i16x8.extend_high_i8x16_s(first)
            c = i16x8.extend_low_i8x16_s(second)
            e = i16x8.extend_high_i8x16_s(second)
          } else {
            const word = v128.load(values)
            a = i16x8.shr_s(i16x8.shl(word, 12), 12)
            b = i16x8.shr_s(i16x8.shl(word, 8), 12)
            c = i16x8.shr_s(i16x8.shl(word, 4), 12)
            e = i16x8.shr_s(word, 12)
          }
          high = i32x4.add(high, dot4(a, b, c, e, part))
          low = i32x4.add(low, dot4(a, b, c, e, part + 64))
          part += partBytes
          values += bytes
        } while (group != block && values < end)
        const sum = madd(f32x4.convert_i32x4_s(high), radix, f32x4.convert_i32x4_s(low))
        total = madd(sum, scale, total)
      } while (group != block && values < groupEnd)
      factor += 4
    }
    const offset: f32 = bias ? load<f32>(bias + (<usize>o << 2)) : 0
    store<f32>(y + (<usize>o << 2), sumOfLanes(total) + offset)
  }
}

/** A row's scales (finite halves) times the units of x: what its groups' sums count. */
// @ts-ignore: decorator
@inline
function scaleUnits(scales: usize, units: usize, factors: usize, groups: i32): void {
  let g = 0
  for (; g + 4 <= groups; g += 4) {
    const bits = v128.load16x4_u(scales + (<usize>g << 1))
    const sign = i32x4.shl(v128.and(bits, i32x4.splat(0x8000)), 16)
    const size = i32x4.shl(v128.and(bits, i32x4.splat(0x7fff)), 13)
    const scale = f32x4.mul(v128.or(sign, size), f32x4.splat(reinterpret<f32>(239 << 23)))
    v128.store(factors + (<usize>g << 2), f32x4.mul(scale, v128.load(units + (<usize>g << 2))))
  }
  for (; g < groups; g++) {
    store<f32>(factors + (<usize>g << 2), finiteHalfAt(scales + (<usize>g << 1)) * load<f32>(units + (<usize>g << 2)))
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

/** x as parts and units. For 4 bits every fourth column of a block stand together, as its nibbles come out. */
function split(x: usize, parts: usize, units: usize, inputs: i32, bits: i32, group: i32): void {
  for (let begin = 0; begin < inputs; begin += group) {
    const end = min(begin + group, inputs)
    let tops = f32x4.splat(0)
    for (let d = begin; d < end; d += 4) tops = f32x4.max(tops, f32x4.abs(v128.load(x + (<usize>d << 2))))
    const top = maxOfLanes(tops)
    // The largest value becomes 2^30 - 2^15, so that its rounded high part still fits 16 bits.
    const perUnit: f32 = top > 0 ? 1073709056 / top : 0
    for (let d = begin; d < end; d++) {
      const fixed = <i32>nearest<f32>(load<f32>(x + (<usize>d << 2)) * perUnit)
      const high = (fixed + 16384) >> 15
      const column = d & (block - 1)
      const slot = bits == 8 ? column : (column & 3) * (block / 4) + (column >> 2)
      const to = parts + <usize>(d / block) * partBytes + (<usize>slot << 1)
      store<i16>(to, <i16>high)
      store<i16>(to, <i16>(fixed - (high << 15)), 64)
    }
    store<f32>(units, top / 1073709056)
    units += 4
  }
}
