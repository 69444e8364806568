/**
 * Weights in GGUF's blocks, read as they lie in the file. Source of the layouts: ggml-common.h; their values: base/src/blocks.ts.
 *
 *   Q4_1   32 columns, 20 bytes: d, m (halves), 16 bytes of nibbles                                w = d q + m
 *   Q4_K   256 columns, 144 bytes: d, dmin (halves), scales and minima of 8 groups in 12 bytes,
 *          128 bytes of nibbles                                                                    w = d s q - dmin m
 *   Q6_K   256 columns, 210 bytes: 128 bytes of low nibbles, 64 of upper bits, 16 scales, d        w = d s (q - 32)
 *
 * Low nibbles of 16 bytes are 16 columns, high nibbles 16 columns further on.
 *
 * One to six rows are multiplied as in quantized-row.ts: x in fixed point, q as unsigned integers, so that a group's sum is
 * factor * (q . x) plus a correction that needs only the sum of x: minima, and the 32 that Q6_K subtracts. The corrections of a row
 * make up one number, computed with its factors.
 */
import { storeDistant, streams } from './dots'
import { finiteHalfAt, finiteHalves } from './halves'
import { eight, largestOf32 } from './quantized-row'
import { madd, sumOfLanes, sumsOfLanes } from './simd'

/** Formats, by ggml's numbers. */
export const Q4_1 = 3
export const Q4_K = 12
export const Q6_K = 14

/** Columns that share a unit of fixed point. */
const block = 32
/** Bytes of weight that are multiplied with every row of x before the next are read: a part of the L2 cache. */
const chunkBytes = 1 << 18

/** Bytes of a row of weights. */
export function blockRowBytes(format: i32, inputs: i32): usize {
  if (format == Q4_1) return <usize>(inputs / 32) * 20
  return <usize>(inputs / 256) * (format == Q4_K ? 144 : 210)
}

/**
 * Scratch: masks, then for each row of x its integers [inputs] of 16 bits, the unit of each block, the sum of every 16 columns, and
 * factors for four rows of the weight, at most two a block.
 */
const masksBytes = 64
// @ts-ignore: decorator
@inline
function rowBytes(inputs: i32): i32 {
  return ((inputs / block) * (64 + 4 + 8 + 8 * streams) + 63) & ~63
}

export function blockRowsScratch(rows: i32, inputs: i32): i32 {
  return masksBytes + rows * rowBytes(inputs)
}

/** y[t,o] = x[t] . W[o] + bias[o] (if given). strideOfY: floats from row to row of y, of which a part of the columns may be given. */
export function blockRows(
  x: usize, blocks: usize, bias: usize, y: usize, scratch: usize, rows: i32, inputs: i32, outputs: i32, format: i32, strideOfY: i32,
): void {
  const row = blockRowBytes(format, inputs)
  // Masks come from memory: as constants some engines would load them anew for every use.
  store<u32>(scratch, 0x000f000f)
  store<u32>(scratch, 0x00f000f0, 4)
  for (let t = 0; t < rows; t++) toFixedPoint(x + (<usize>(t * inputs) << 2), scratch + masksBytes + <usize>(t * rowBytes(inputs)), inputs)
  const most = rows == 1 ? outputs : max(streams, chunkBytes / <i32>row)
  for (let begin = 0; begin < outputs; begin += most) {
    const count = min(most, outputs - begin)
    for (let t = 0; t < rows; t++) {
      const parts = scratch + masksBytes + <usize>(t * rowBytes(inputs))
      const to = y + (<usize>(t * strideOfY + begin) << 2)
      const from = blocks + <usize>begin * row
      const biases = bias ? bias + (<usize>begin << 2) : 0
      if (format == Q4_1) products(parts, scratch, from, biases, to, inputs, count, row, Q4_1)
      else if (format == Q4_K) products(parts, scratch, from, biases, to, inputs, count, row, Q4_K)
      else products(parts, scratch, from, biases, to, inputs, count, row, Q6_K)
    }
  }
}

/** Inlined three times, so that `format` is a constant in the inner loop. */
// @ts-ignore: decorator
@inline
function products(parts: usize, masks: usize, blocks: usize, bias: usize, y: usize, inputs: i32, outputs: i32, row: usize, format: i32): void {
  const count = inputs / block
  const units = parts + (<usize>count << 6)
  const factors = units + 12 * <usize>count
  const factorBytes = 8 * <usize>count
  const quarter = outputs / streams
  const far = <usize>quarter * row
  const step = <usize>quarter << 2
  for (let o = 0; o < quarter; o++) {
    const w = blocks + <usize>o * row
    let corrections = f32x4.splat(0)
    corrections = f32x4.replace_lane(corrections, 0, prepare(w, units, count, factors, format))
    corrections = f32x4.replace_lane(corrections, 1, prepare(w + far, units, count, factors + factorBytes, format))
    corrections = f32x4.replace_lane(corrections, 2, prepare(w + 2 * far, units, count, factors + 2 * factorBytes, format))
    corrections = f32x4.replace_lane(corrections, 3, prepare(w + 3 * far, units, count, factors + 3 * factorBytes, format))
    const sums = fourDots(parts, masks, w, far, factors, factorBytes, count, format)
    const at = <usize>o << 2
    storeDistant(f32x4.add(sums, corrections), bias ? bias + at : 0, y + at, step, step)
  }
  for (let o = streams * quarter; o < outputs; o++) {
    const w = blocks + <usize>o * row
    const correction = prepare(w, units, count, factors, format)
    // Four times the same row: what is left over is at most three.
    const sum = f32x4.extract_lane(fourDots(parts, masks, w, 0, factors, 0, count, format), 0)
    const at = <usize>o << 2
    store<f32>(y + at, sum + correction + (bias ? load<f32>(bias + at) : 0))
  }
}

/** The integers of x times those of four rows, `far` bytes apart, with their factors. */
// @ts-ignore: decorator
@inline
function fourDots(x: usize, masks: usize, w0: usize, far: usize, factor: usize, factorBytes: usize, count: i32, format: i32): v128 {
  const low = v128.load32_splat(masks), high = v128.load32_splat(masks, 4)
  let w1 = w0 + far
  let w2 = w1 + far
  let w3 = w2 + far
  const f2 = 2 * factorBytes, f3 = 3 * factorBytes
  let t0 = f32x4.splat(0), t1 = t0, t2 = t0, t3 = t0
  if (format == Q4_1) {
    for (let b = count; b > 0; b--) {
      t0 = madd(dotQ41(w0, x, low, high), v128.load32_splat(factor), t0)
      t1 = madd(dotQ41(w1, x, low, high), v128.load32_splat(factor + factorBytes), t1)
      t2 = madd(dotQ41(w2, x, low, high), v128.load32_splat(factor + f2), t2)
      t3 = madd(dotQ41(w3, x, low, high), v128.load32_splat(factor + f3), t3)
      w0 += 20
      w1 += 20
      w2 += 20
      w3 += 20
      x += 64
      factor += 4
    }
  } else if (format == Q4_K) {
    for (let b = 0; b < count; b += 2) {
      // Of each 256 columns, the 16 bytes before the nibbles of the first 64.
      const skip: usize = (b & 7) == 0 ? 16 : 0
      w0 += skip
      w1 += skip
      w2 += skip
      w3 += skip
      t0 = addQ4K(w0, x, low, high, factor, t0)
      t1 = addQ4K(w1, x, low, high, factor + factorBytes, t1)
      t2 = addQ4K(w2, x, low, high, factor + f2, t2)
      t3 = addQ4K(w3, x, low, high, factor + f3, t3)
      w0 += 32
      w1 += 32
      w2 += 32
      w3 += 32
      x += 128
      factor += 8
    }
  } else {
    for (let b = 0; b < count; b += 8) {
      for (let j = 0; j < 4; j++) {
        // 16 columns of each quarter of a half: half j >> 1, columns 16 (j & 1) .. of every 32.
        const at = <usize>(((j >> 1) << 6) + ((j & 1) << 4))
        const upper = <usize>(128 + ((j >> 1) << 5) + ((j & 1) << 4))
        const part = x + (<usize>(j >> 1) << 8) + (<usize>(j & 1) << 4)
        const f = factor + (<usize>(j >> 1) << 5) + (<usize>(j & 1) << 2)
        t0 = addQ6K(w0 + at, w0 + upper, part, f, t0)
        t1 = addQ6K(w1 + at, w1 + upper, part, f + factorBytes, t1)
        t2 = addQ6K(w2 + at, w2 + upper, part, f + f2, t2)
        t3 = addQ6K(w3 + at, w3 + upper, part, f + f3, t3)
      }
      w0 += 210
      w1 += 210
      w2 += 210
      w3 += 210
      x += 512
      factor += 64
    }
  }
  return sumsOfLanes(t0, t1, t2, t3)
}

/** 32 products. Upper nibbles count sixteenfold until their sum is shifted. */
// @ts-ignore: decorator
@inline
function dotQ41(w: usize, x: usize, low: v128, high: v128): v128 {
  const bytes = v128.load(w, 4)
  const odd = i16x8.shr_u(bytes, 8)
  const a = i32x4.add(i32x4.dot_i16x8_s(v128.and(bytes, low), v128.load(x)), i32x4.dot_i16x8_s(v128.and(odd, low), v128.load(x, 32)))
  const b = i32x4.add(i32x4.dot_i16x8_s(v128.and(bytes, high), v128.load(x, 16)), i32x4.dot_i16x8_s(v128.and(odd, high), v128.load(x, 48)))
  return f32x4.convert_i32x4_s(i32x4.add(a, i32x4.shr_s(b, 4)))
}

/** 64 products of two groups, each with its factor; that of the upper nibbles is a sixteenth. */
// @ts-ignore: decorator
@inline
function addQ4K(w: usize, x: usize, low: v128, high: v128, factor: usize, total: v128): v128 {
  const first = v128.load(w), second = v128.load(w, 16)
  const odd = i16x8.shr_u(first, 8), odd2 = i16x8.shr_u(second, 8)
  const a = i32x4.add(i32x4.dot_i16x8_s(v128.and(first, low), v128.load(x)), i32x4.dot_i16x8_s(v128.and(odd, low), v128.load(x, 32)))
  const b = i32x4.add(i32x4.dot_i16x8_s(v128.and(second, low), v128.load(x, 16)), i32x4.dot_i16x8_s(v128.and(odd2, low), v128.load(x, 48)))
  const c = i32x4.add(i32x4.dot_i16x8_s(v128.and(first, high), v128.load(x, 64)), i32x4.dot_i16x8_s(v128.and(odd, high), v128.load(x, 96)))
  const d = i32x4.add(i32x4.dot_i16x8_s(v128.and(second, high), v128.load(x, 80)), i32x4.dot_i16x8_s(v128.and(odd2, high), v128.load(x, 112)))
  total = madd(f32x4.convert_i32x4_s(i32x4.add(a, b)), v128.load32_splat(factor), total)
  return madd(f32x4.convert_i32x4_s(i32x4.add(c, d)), v128.load32_splat(factor, 4), total)
}

/** 16 products of each quarter of 128 columns: low nibbles at w and w + 32, upper bits at `upper`. */
// @ts-ignore: decorator
@inline
function addQ6K(w: usize, upper: usize, x: usize, factor: usize, total: v128): v128 {
  const a = v128.load(w), b = v128.load(w, 32), bits = v128.load(upper)
  const nibble = i8x16.splat(15), two = i8x16.splat(0x30)
  const q0 = v128.or(v128.and(a, nibble), v128.and(i16x8.shl(bits, 4), two))
  const q1 = v128.or(v128.and(b, nibble), v128.and(i16x8.shl(bits, 2), two))
  const q2 = v128.or(v128.and(i16x8.shr_u(a, 4), nibble), v128.and(bits, two))
  const q3 = v128.or(v128.and(i16x8.shr_u(b, 4), nibble), v128.and(i16x8.shr_u(bits, 2), two))
  total = madd(dotBytes(q0, x), v128.load32_splat(factor), total)
  total = madd(dotBytes(q1, x + 64), v128.load32_splat(factor, 8), total)
  total = madd(dotBytes(q2, x + 128), v128.load32_splat(factor, 16), total)
  return madd(dotBytes(q3, x + 192), v128.load32_splat(factor, 24), total)
}

/** 16 unsigned bytes times integers of x: eight even columns, and 32 bytes on the odd ones. */
// @ts-ignore: decorator
@inline
function dotBytes(q: v128, x: usize): v128 {
  const even = v128.and(q, i16x8.splat(0xff)), odd = i16x8.shr_u(q, 8)
  return f32x4.convert_i32x4_s(i32x4.add(i32x4.dot_i16x8_s(even, v128.load(x)), i32x4.dot_i16x8_s(odd, v128.load(x, 32))))
}

/** The factors of a row of the weight, and the correction of its sum. `units`: of x, with the sums of every 16 columns behind them. */
function prepare(w: usize, units: usize, count: i32, factors: usize, format: i32): f32 {
  if (format == Q4_1) return prepareQ41(w, units, count, factors)
  return format == Q4_K ? prepareQ4K(w, units, count, factors, true) : prepareQ6K(w, units, count, factors)
}

function prepareQ41(w: usize, units: usize, count: i32, factors: usize): f32 {
  const sums = units + (<usize>count << 2)
  let correction = f32x4.splat(0)
  let b = 0
  for (; b + 4 <= count; b += 4) {
    // d in the lower half of each lane, m in the upper.
    let both = v128.load32_zero(w)
    both = v128.load32_lane(w + 20, both, 1)
    both = v128.load32_lane(w + 40, both, 2)
    both = v128.load32_lane(w + 60, both, 3)
    const at = <usize>b << 2
    v128.store(factors + at, f32x4.mul(finiteHalves(v128.and(both, i32x4.splat(0xffff))), v128.load(units + at)))
    correction = madd(finiteHalves(i32x4.shr_u(both, 16)), pairSums(sums + 2 * at), correction)
    w += 80
  }
  let rest: f32 = 0
  for (; b < count; b++) {
    const at = <usize>b << 2
    store<f32>(factors + at, finiteHalfAt(w) * load<f32>(units + at))
    rest += finiteHalfAt(w + 2) * (load<f32>(sums + 2 * at) + load<f32>(sums + 2 * at, 4))
    w += 20
  }
  return sumOfLanes(correction) + rest
}

/**
 * `sixteenfold`: upper nibbles, of every second group, are multiplied as they stand in their byte, and sums are those of 16 columns. Otherwise
 * nibbles are shifted first, and sums are those of 32.
 */
export function prepareQ4K(w: usize, units: usize, count: i32, factors: usize, sixteenfold: boolean): f32 {
  const sums = units + (<usize>count << 2)
  const sixteenths = sixteenfold ? f32x4(1, 0.0625, 1, 0.0625) : f32x4.splat(1)
  let correction = f32x4.splat(0)
  for (let b = 0; b < count; b += 8) {
    const d = f32x4.mul(f32x4.splat(finiteHalfAt(w)), sixteenths)
    const least = f32x4.splat(-finiteHalfAt(w + 2))
    const u0 = load<u32>(w, 4), u1 = load<u32>(w, 8), u2 = load<u32>(w, 12)
    const at = <usize>b << 2
    const first = fourBytes(u0 & 0x3f3f3f3f), second = fourBytes((u2 & 0x0f0f0f0f) | (((u0 >> 6) & 0x03030303) << 4))
    v128.store(factors + at, f32x4.mul(f32x4.mul(d, first), v128.load(units + at)))
    v128.store(factors + at, f32x4.mul(f32x4.mul(d, second), v128.load(units + at, 16)), 16)
    const lower = fourBytes(u1 & 0x3f3f3f3f), upper = fourBytes(((u2 >> 4) & 0x0f0f0f0f) | (((u1 >> 6) & 0x03030303) << 4))
    correction = madd(f32x4.mul(least, lower), sixteenfold ? pairSums(sums + 2 * at) : v128.load(sums + at), correction)
    correction = madd(f32x4.mul(least, upper), sixteenfold ? pairSums(sums + 2 * at + 32) : v128.load(sums + at, 16), correction)
    w += 144
  }
  return sumOfLanes(correction)
}

function prepareQ6K(w: usize, units: usize, count: i32, factors: usize): f32 {
  const sums = units + (<usize>count << 2)
  let correction = f32x4.splat(0)
  for (let b = 0; b < count; b += 8) {
    const d = f32x4.splat(finiteHalfAt(w + 208))
    for (let i = 0; i < 16; i += 4) {
      const scale = f32x4.mul(d, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(w + 192 + <usize>i)))))
      const at = <usize>(2 * b + i) << 2
      const pair = v128.load64_zero(units + (<usize>(b + (i >> 1)) << 2))
      v128.store(factors + at, f32x4.mul(scale, v128.shuffle<f32>(pair, pair, 0, 0, 1, 1)))
      correction = madd(scale, v128.load(sums + at), correction)
    }
    w += 210
  }
  return -32 * sumOfLanes(correction)
}

/** Sums of 32 columns from those of 16: of eight, the four pairs. */
// @ts-ignore: decorator
@inline
function pairSums(sums: usize): v128 {
  const a = v128.load(sums), b = v128.load(sums, 16)
  return f32x4.add(v128.shuffle<f32>(a, b, 0, 2, 4, 6), v128.shuffle<f32>(a, b, 1, 3, 5, 7))
}

// @ts-ignore: decorator
@inline
function fourBytes(bytes: u32): v128 {
  return f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(i32x4.splat(<i32>bytes))))
}

/**
 * x in fixed point, as quantized-row.ts has it, with units and the sums of every 16 columns behind it. Of each block: the even columns of
 * the first 16, of the second 16, then the odd ones likewise.
 */
function toFixedPoint(x: usize, parts: usize, inputs: i32): void {
  let unitAt = parts + (<usize>inputs << 1)
  let sumAt = unitAt + (<usize>(inputs / block) << 2)
  for (let begin = 0; begin < inputs; begin += block) {
    const top = largestOf32(x)
    const unit = top / 32767
    const perUnit = f32x4.splat(top > 0 ? 32767 / top : 0)
    for (let half: usize = 0; half < 2; half++) {
      const from = x + (half << 6)
      const a = eight(from, perUnit), b = eight(from + 32, perUnit)
      v128.store(parts + (half << 4), v128.shuffle<i16>(a, b, 0, 2, 4, 6, 8, 10, 12, 14))
      v128.store(parts + (half << 4), v128.shuffle<i16>(a, b, 1, 3, 5, 7, 9, 11, 13, 15), 32)
      const ones = i16x8.splat(1)
      const sums = i32x4.add(i32x4.dot_i16x8_s(a, ones), i32x4.dot_i16x8_s(b, ones))
      store<f32>(sumAt + (half << 2), sumOfLanes(f32x4.convert_i32x4_s(sums)) * unit)
    }
    store<f32>(unitAt, unit)
    x += 128
    parts += 64
    unitAt += 4
    sumAt += 8
  }
}
