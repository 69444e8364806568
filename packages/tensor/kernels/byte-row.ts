/**
 * One to six rows times weights in 4 bits, with x in bytes: as quantized-row.ts and blocks.ts, but two instructions do what takes eight there. x is
 * rounded as byte-product.ts rounds it, so that a token on its own and a token in a prompt get the same products. For the build with relaxed
 * SIMD; no instruction is used where machines may differ (byte-product.ts).
 *
 *   y[t,o] = bias[o] + sum over blocks of 32:  unit * scale * (b . q)  +  what the minima add
 *
 * int4's nibbles are q - 8: there the sum of integers begins at -8 times the sum of b. Minima of Q4_1 and Q4_K make up one number per row of the
 * weight, computed with its factors.
 */
import { blockRowBytes, prepareQ4K, Q4_1, Q4_K } from './blocks'
import {
  block, bytesOf, largestOfBlock, onesAt, rounderAt, sizeMaskAt, storeConstants, sumOfBytes,
} from './byte-block'
import { storeDistant, streams } from './dots'
import { halfFactor, halfMask, upperHalves } from './halves'
import { factorsOf } from './quantized-row'
import { madd, sumsOfLanes } from './simd'

/** Bytes of weight that are multiplied with every row of x before the next are read: a part of the L2 cache. */
const chunkBytes = 1 << 18

/**
 * Scratch for each row of x: its bytes, of each block the unit, the unit times its sum (int4: -8 times its sum, an integer), and factors for
 * four rows of the weight.
 */
// @ts-ignore: decorator
@inline
function rowBytes(inputs: i32): i32 {
  return ((inputs / block) * (block + 4 + 4 + 4 * streams) + 63) & ~63
}

/** Constants from memory: the lower nibble of bytes, 8 in both, 1 in halves, and what halves are widened with; then byte-block.ts's. */
const masksBytes: usize = 64

export function byteRowsScratch(rows: i32, inputs: i32): i32 {
  return <i32>masksBytes + rows * rowBytes(inputs)
}

/** Arguments as byteMatMul's. `quads`: sum four products per lane with one instruction, not pairs and then pairs of pairs. */
export function byteRows(
  x: usize, values: usize, scales: usize, bias: usize, y: usize, scratch: usize,
  rows: i32, inputs: i32, outputs: i32, format: i32, group: i32, strideOfY: i32, quads: boolean,
): void {
  if (!ASC_FEATURE_RELAXED_SIMD) unreachable()
  const row = group > 0 ? <usize>(inputs / 2) : blockRowBytes(format, inputs)
  const scaleBytes = group > 0 ? <usize>((inputs + group - 1) / group) << 1 : 0
  store<u32>(scratch, 0x0f0f0f0f)
  store<u32>(scratch, 0x88888888, 4)
  store<u32>(scratch, 0x00010001, 8)
  store<i32>(scratch, halfMask, 12)
  store<f32>(scratch, halfFactor, 16)
  const first = scratch + masksBytes
  storeConstants(first)
  for (let t = 0; t < rows; t++) toParts(x + (<usize>(t * inputs) << 2), first + <usize>(t * rowBytes(inputs)), inputs, group > 0, first)
  const most = rows == 1 ? outputs : max(streams, chunkBytes / <i32>row)
  for (let begin = 0; begin < outputs; begin += most) {
    const count = min(most, outputs - begin)
    for (let t = 0; t < rows; t++) {
      const parts = first + <usize>(t * rowBytes(inputs))
      const to = y + (<usize>(t * strideOfY + begin) << 2)
      const w = values + <usize>begin * row
      const s = scales + <usize>begin * scaleBytes
      const b = bias ? bias + (<usize>begin << 2) : 0
      products(parts, scratch, w, s, b, to, inputs, count, row, format, group, quads)
    }
  }
}

/** Rows of the weight, four at a time. */
function products(
  parts: usize, masks: usize, w: usize, scales: usize, bias: usize, y: usize, inputs: i32, outputs: i32, row: usize, format: i32, group: i32, quads: boolean,
): void {
  const blocks = inputs / block
  const units = parts + <usize>inputs
  const factors = units + 8 * <usize>blocks
  const factorBytes = <usize>blocks << 2
  const scaleBytes = group > 0 ? <usize>((inputs + group - 1) / group) << 1 : 0
  const quarter = outputs / streams
  const far = <usize>quarter * row
  const farScales = <usize>quarter * scaleBytes
  const step = <usize>quarter << 2
  for (let o = 0; o < quarter; o++) {
    let minima = f32x4.splat(0)
    minima = f32x4.replace_lane(minima, 0, prepare(masks, w, scales, units, blocks, factors, format, group))
    minima = f32x4.replace_lane(minima, 1, prepare(masks, w + far, scales + farScales, units, blocks, factors + factorBytes, format, group))
    minima = f32x4.replace_lane(minima, 2, prepare(masks, w + 2 * far, scales + 2 * farScales, units, blocks, factors + 2 * factorBytes, format, group))
    minima = f32x4.replace_lane(minima, 3, prepare(masks, w + 3 * far, scales + 3 * farScales, units, blocks, factors + 3 * factorBytes, format, group))
    const sums = fourDots(parts, masks, units, w, far, factors, factorBytes, blocks, format, quads)
    const at = <usize>o << 2
    storeDistant(f32x4.add(sums, minima), bias ? bias + at : 0, y + at, step, step)
    w += row
    scales += scaleBytes
  }
  // What is left over is at most three rows, each taken four times.
  w += 3 * far
  scales += 3 * farScales
  for (let o = streams * quarter; o < outputs; o++) {
    const minimum = prepare(masks, w, scales, units, blocks, factors, format, group)
    const sum = f32x4.extract_lane(fourDots(parts, masks, units, w, 0, factors, 0, blocks, format, quads), 0)
    const at = <usize>o << 2
    store<f32>(y + at, sum + minimum + (bias ? load<f32>(bias + at) : 0))
    w += row
    scales += scaleBytes
  }
}

/** The factors of a row of the weight; returns what its minima add to the sum. Q4_1 has both beside its nibbles, and takes them with these. */
// @ts-ignore: decorator
@inline
function prepare(masks: usize, w: usize, scales: usize, units: usize, blocks: i32, factors: usize, format: i32, group: i32): f32 {
  if (group > 0) factorsOf(scales, units, factors, blocks, group, v128.load32_splat(masks, 12), v128.load32_splat(masks, 16))
  return format == Q4_K ? prepareQ4K(w, units, blocks, factors, false) : 0
}

/** The bytes of x times the nibbles of four rows, `far` bytes apart, with their factors. */
function fourDots(x: usize, masks: usize, units: usize, w: usize, far: usize, factors: usize, factorBytes: usize, blocks: i32, format: i32, quads: boolean): v128 {
  const offsets = units + (<usize>blocks << 2)
  if (format == Q4_1) {
    return quads
      ? dotsOfQ41Quads(x, masks, w, far, units, blocks) : dotsOfQ41Pairs(x, masks, w, far, units, blocks)
  }
  if (format == Q4_K) {
    return quads ? dotsOfQ4KQuads(x, masks, w, far, factors, factorBytes, blocks) : dotsOfQ4KPairs(x, masks, w, far, factors, factorBytes, blocks)
  }
  return quads
    ? dotsOfInt4Quads(x, masks, w, far, factors, factorBytes, blocks, offsets) : dotsOfInt4Pairs(x, masks, w, far, factors, factorBytes, blocks, offsets)
}

/** Functions of their own, so that V8 finds registers for each. */
function dotsOfInt4Pairs(x: usize, masks: usize, w: usize, far: usize, factors: usize, factorBytes: usize, blocks: i32, offsets: usize): v128 {
  return dotsOfInt4(x, masks, w, far, factors, factorBytes, blocks, offsets, false)
}

function dotsOfInt4Quads(x: usize, masks: usize, w: usize, far: usize, factors: usize, factorBytes: usize, blocks: i32, offsets: usize): v128 {
  return dotsOfInt4(x, masks, w, far, factors, factorBytes, blocks, offsets, true)
}

function dotsOfQ41Pairs(x: usize, masks: usize, w: usize, far: usize, units: usize, blocks: i32): v128 {
  return dotsOfQ41(x, masks, w, far, units, blocks, false)
}

function dotsOfQ41Quads(x: usize, masks: usize, w: usize, far: usize, units: usize, blocks: i32): v128 {
  return dotsOfQ41(x, masks, w, far, units, blocks, true)
}

function dotsOfQ4KPairs(x: usize, masks: usize, w: usize, far: usize, factors: usize, factorBytes: usize, blocks: i32): v128 {
  return dotsOfQ4K(x, masks, w, far, factors, factorBytes, blocks, false)
}

function dotsOfQ4KQuads(x: usize, masks: usize, w: usize, far: usize, factors: usize, factorBytes: usize, blocks: i32): v128 {
  return dotsOfQ4K(x, masks, w, far, factors, factorBytes, blocks, true)
}

// @ts-ignore: decorator
@inline
function dotsOfInt4(x: usize, masks: usize, w0: usize, far: usize, factor: usize, factorBytes: usize, blocks: i32, offset: usize, quads: boolean): v128 {
  let w1 = w0 + far
  let w2 = w1 + far
  let w3 = w2 + far
  const f1 = factorBytes, f2 = f1 + factorBytes, f3 = f2 + factorBytes
  const mask = v128.load32_splat(masks), eights = v128.load32_splat(masks, 4), ones = v128.load32_splat(masks, 8)
  let t0 = f32x4.splat(0), t1 = t0, t2 = t0, t3 = t0
  for (let b = blocks; b > 0; b--) {
    const first = v128.load(x), second = v128.load(x, 16), begin = v128.load32_zero(offset)
    t0 = madd(floats(dot(v128.xor(v128.load(w0), eights), first, second, begin, mask, ones, quads)), v128.load32_splat(factor), t0)
    t1 = madd(floats(dot(v128.xor(v128.load(w1), eights), first, second, begin, mask, ones, quads)), v128.load32_splat(factor + f1), t1)
    t2 = madd(floats(dot(v128.xor(v128.load(w2), eights), first, second, begin, mask, ones, quads)), v128.load32_splat(factor + f2), t2)
    t3 = madd(floats(dot(v128.xor(v128.load(w3), eights), first, second, begin, mask, ones, quads)), v128.load32_splat(factor + f3), t3)
    w0 += 16
    w1 += 16
    w2 += 16
    w3 += 16
    x += 32
    factor += 4
    offset += 4
  }
  return sumsOfLanes(t0, t1, t2, t3)
}

/** A lane for each of the four rows: their scales and minima are widened together. */
// @ts-ignore: decorator
@inline
function dotsOfQ41(x: usize, masks: usize, w0: usize, far: usize, unit: usize, blocks: i32, quads: boolean): v128 {
  let w1 = w0 + far
  let w2 = w1 + far
  let w3 = w2 + far
  const sums = <usize>blocks << 2
  const mask = v128.load32_splat(masks), ones = v128.load32_splat(masks, 8)
  const halfMask = v128.load32_splat(masks, 12), halfFactor = v128.load32_splat(masks, 16)
  let total = f32x4.splat(0), minima = total
  for (let b = blocks; b > 0; b--) {
    const first = v128.load(x), second = v128.load(x, 16), zero = i32x4.splat(0)
    const c0 = dot(v128.load(w0, 4), first, second, zero, mask, ones, quads)
    const c1 = dot(v128.load(w1, 4), first, second, zero, mask, ones, quads)
    const c2 = dot(v128.load(w2, 4), first, second, zero, mask, ones, quads)
    const c3 = dot(v128.load(w3, 4), first, second, zero, mask, ones, quads)
    // d in the lower half of each lane, m in the upper.
    let both = v128.load32_zero(w0)
    both = v128.load32_lane(w1, both, 1)
    both = v128.load32_lane(w2, both, 2)
    both = v128.load32_lane(w3, both, 3)
    const scale = f32x4.mul(upperHalves(i32x4.shl(both, 16), halfMask, halfFactor), v128.load32_splat(unit))
    minima = madd(upperHalves(both, halfMask, halfFactor), v128.load32_splat(unit + sums), minima)
    total = madd(floats(smallSums(c0, c1, c2, c3, ones)), scale, total)
    w0 += 20
    w1 += 20
    w2 += 20
    w3 += 20
    x += 32
    unit += 4
  }
  return f32x4.add(total, minima)
}

/** The sums of four vectors' lanes, each of which 16 bits hold. */
// @ts-ignore: decorator
@inline
function smallSums(a: v128, b: v128, c: v128, d: v128, ones: v128): v128 {
  const ab = i32x4.dot_i16x8_s(i16x8.narrow_i32x4_s(a, b), ones) // a a b b
  const cd = i32x4.dot_i16x8_s(i16x8.narrow_i32x4_s(c, d), ones)
  return i32x4.add(v128.shuffle<i32>(ab, cd, 0, 2, 4, 6), v128.shuffle<i32>(ab, cd, 1, 3, 5, 7))
}

// @ts-ignore: decorator
@inline
function dotsOfQ4K(x: usize, masks: usize, w0: usize, far: usize, factor: usize, factorBytes: usize, blocks: i32, quads: boolean): v128 {
  let w1 = w0 + far
  let w2 = w1 + far
  let w3 = w2 + far
  const f1 = factorBytes, f2 = f1 + factorBytes, f3 = f2 + factorBytes
  const mask = v128.load32_splat(masks), ones = v128.load32_splat(masks, 8)
  let t0 = f32x4.splat(0), t1 = t0, t2 = t0, t3 = t0
  for (let b = 0; b < blocks; b += 2) {
    // Of each 256 columns, the 16 bytes before the nibbles of the first 64.
    const skip: usize = (b & 7) == 0 ? 16 : 0
    w0 += skip
    w1 += skip
    w2 += skip
    w3 += skip
    t0 = addQ4K(w0, x, factor, t0, mask, ones, quads)
    t1 = addQ4K(w1, x, factor + f1, t1, mask, ones, quads)
    t2 = addQ4K(w2, x, factor + f2, t2, mask, ones, quads)
    t3 = addQ4K(w3, x, factor + f3, t3, mask, ones, quads)
    w0 += 32
    w1 += 32
    w2 += 32
    w3 += 32
    x += 64
    factor += 8
  }
  return sumsOfLanes(t0, t1, t2, t3)
}

/** 32 products, added to `begin`: those of the lower nibbles with `first`, of the upper with `second`. */
// @ts-ignore: decorator
@inline
function dot(nibbles: v128, first: v128, second: v128, begin: v128, mask: v128, ones: v128, quads: boolean): v128 {
  return summed(v128.and(nibbles, mask), v128.and(i16x8.shr_u(nibbles, 4), mask), first, second, begin, ones, quads)
}

/** 64 products of two groups, each with its factor: the lower nibbles of 32 bytes, and the upper. */
// @ts-ignore: decorator
@inline
function addQ4K(w: usize, x: usize, factor: usize, total: v128, mask: v128, ones: v128, quads: boolean): v128 {
  const a = v128.load(w), b = v128.load(w, 16)
  const zero = i32x4.splat(0)
  const lower = summed(v128.and(a, mask), v128.and(b, mask), v128.load(x), v128.load(x, 16), zero, ones, quads)
  const a1 = v128.and(i16x8.shr_u(a, 4), mask), b1 = v128.and(i16x8.shr_u(b, 4), mask)
  const upper = summed(a1, b1, v128.load(x, 32), v128.load(x, 48), zero, ones, quads)
  return madd(floats(upper), v128.load32_splat(factor, 4), madd(floats(lower), v128.load32_splat(factor), total))
}

/** begin + b . q, in four lanes of which only the sum has a meaning. */
// @ts-ignore: decorator
@inline
function summed(q0: v128, q1: v128, b0: v128, b1: v128, begin: v128, ones: v128, quads: boolean): v128 {
  if (!ASC_FEATURE_RELAXED_SIMD) return begin
  if (quads) return i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, q1, i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, q0, begin))
  const pairs = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(b0, q0), i16x8.relaxed_dot_i8x16_i7x16_s(b1, q1))
  return i32x4.add(i32x4.dot_i16x8_s(pairs, ones), begin)
}

// @ts-ignore: decorator
@inline
function floats(sums: v128): v128 {
  return f32x4.convert_i32x4_s(sums)
}

/** A row of x: see rowBytes. int4 has the even columns of a block in its lower nibbles, the odd in its upper ones; blocks have halves of the block. */
function toParts(x: usize, parts: usize, inputs: i32, apart: boolean, constants: usize): void {
  const blocks = inputs / block
  let unitAt = parts + <usize>inputs
  let sumAt = unitAt + (<usize>blocks << 2)
  const ones = onesAt(constants), sizeMask = sizeMaskAt(constants), rounder = rounderAt(constants)
  for (let begin = 0; begin < inputs; begin += block) {
    const top = largestOfBlock(x, sizeMask)
    const unit = top / 127
    const perUnit = f32x4.splat(top > 0 ? 127 / top : 0)
    const first = bytesOf(x, perUnit, rounder), second = bytesOf(x + 64, perUnit, rounder)
    const sum = sumOfBytes(first, second, ones)
    store<f32>(unitAt, unit)
    if (apart) {
      v128.store(parts, v128.shuffle<i8>(first, second, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30))
      v128.store(parts, v128.shuffle<i8>(first, second, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), 16)
      store<i32>(sumAt, -8 * sum)
    } else {
      v128.store(parts, first)
      v128.store(parts, second, 16)
      store<f32>(sumAt, unit * <f32>sum)
    }
    sumAt += 4
    x += 128
    parts += 32
    unitAt += 4
  }
}
