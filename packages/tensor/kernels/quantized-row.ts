/**
 * One to six rows times weights in 8 or 4 bits: the main cost of decoding a token. Every compressed byte is read from memory once.
 *
 * Turning each weight into a float would cost more than reading it. Instead each block of 32 columns of x becomes 16-bit fixed point,
 * x = unit * integer with |integer| <= 32767, and integer dot products process eight weights per instruction, exactly. Blocks are
 * summed in float32. Rounding x to half a unit moves a result by some 1e-5 of its size.
 *
 * Four rows of the weight are taken at once, a quarter of the matrix apart: the processor fetches several distant streams ahead, but
 * stalls on one stream of short rows (measured: 5 GB/s for one, 8.5 for four, of 12 that plain reading reaches).
 */
import { largestOfBlock } from './byte-block'
import { streams } from './dots'
import { finiteHalfAt, halfFactor, halfMask, upperHalves } from './halves'
import { madd, sumOfLanes } from './simd'

/** Columns taken together. */
const block = 32
/** Bytes of a block of x: 32 integers of 16 bits. */
const blockBytes: usize = 64
/** Bytes of weight that are multiplied with every row of x before the next are read: a part of the L2 cache. */
const chunkBytes = 1 << 18

/** Bytes of scratch for a row of x: its fixed point, and per block its unit and the factors of four rows of the weight. */
// @ts-ignore: decorator
@inline
function rowBytes(inputs: i32): i32 {
  return ((inputs / block) * (<i32>blockBytes + 4 + 4 * streams) + 63) & ~63
}

/** Bytes of scratch that quantizedRows needs. */
export function quantizedRowsScratch(rows: i32, inputs: i32): i32 {
  return rows * rowBytes(inputs)
}

/**
 * y[t,o] = x[t] . W[o] + bias[o] (if given). `inputs` is a multiple of 32; `strideOfY`: floats from row to row of y, of which a part of
 * the columns may be given.
 */
export function quantizedRows(
  x: usize, values: usize, scales: usize, bias: usize, y: usize, scratch: usize,
  rows: i32, inputs: i32, outputs: i32, bits: i32, group: i32, strideOfY: i32,
): void {
  const blocks = inputs / block
  const row = <usize>(blocks * (bits * block / 8))
  const scaleBytes = <usize>((inputs + group - 1) / group) << 1
  for (let t = 0; t < rows; t++) {
    const parts = scratch + <usize>(t * rowBytes(inputs))
    toFixedPoint(x + (<usize>(t * inputs) << 2), parts, parts + <usize>blocks * blockBytes, inputs, bits)
  }
  const most = rows == 1 ? outputs : max(streams, chunkBytes / <i32>row)
  for (let begin = 0; begin < outputs; begin += most) {
    const count = min(most, outputs - begin)
    const w = values + <usize>begin * row
    const s = scales + <usize>begin * scaleBytes
    const b = bias ? bias + (<usize>begin << 2) : 0
    for (let t = 0; t < rows; t++) {
      const parts = scratch + <usize>(t * rowBytes(inputs))
      const to = y + (<usize>(t * strideOfY + begin) << 2)
      if (bits == 8) products(parts, w, s, b, to, inputs, count, 8, group)
      else products(parts, w, s, b, to, inputs, count, 4, group)
    }
  }
}

/** Inlined twice, so that `bits` is a constant in the inner loop. */
// @ts-ignore: decorator
@inline
function products(
  scratch: usize, values: usize, scales: usize, bias: usize, y: usize, inputs: i32, outputs: i32, bits: i32, group: i32,
): void {
  const blocks = inputs / block
  const factorBytes = <usize>blocks << 2
  const units = scratch + <usize>blocks * blockBytes
  const factors = units + factorBytes
  const bytes: usize = bits == 8 ? 32 : 16
  const row = <usize>blocks * bytes
  const scaleBytes = <usize>((inputs + group - 1) / group) << 1
  const mask = i32x4.splat(halfMask), factorOfHalves = f32x4.splat(halfFactor)
  const quarter = outputs / streams
  const far = <usize>quarter * row
  for (let o = 0; o < quarter; o++) {
    const scale = scales + <usize>o * scaleBytes
    for (let s = 0; s < streams; s++) {
      factorsOf(scale + <usize>(s * quarter) * scaleBytes, units, factors + <usize>s * factorBytes, blocks, group, mask, factorOfHalves)
    }
    let w0 = values + <usize>o * row
    let w1 = w0 + far
    let w2 = w1 + far
    let w3 = w2 + far
    const f1 = factorBytes, f2 = f1 + factorBytes, f3 = f2 + factorBytes
    let t0 = f32x4.splat(0), t1 = t0, t2 = t0, t3 = t0
    let part = scratch
    let factor = factors
    for (let b = blocks; b > 0; b--) {
      const x0 = v128.load(part), x1 = v128.load(part, 16), x2 = v128.load(part, 32), x3 = v128.load(part, 48)
      t0 = madd(dot(w0, x0, x1, x2, x3, bits), v128.load32_splat(factor), t0)
      t1 = madd(dot(w1, x0, x1, x2, x3, bits), v128.load32_splat(factor + f1), t1)
      t2 = madd(dot(w2, x0, x1, x2, x3, bits), v128.load32_splat(factor + f2), t2)
      t3 = madd(dot(w3, x0, x1, x2, x3, bits), v128.load32_splat(factor + f3), t3)
      part += blockBytes
      w0 += bytes
      w1 += bytes
      w2 += bytes
      w3 += bytes
      factor += 4
    }
    finish(t0, y, bias, o)
    finish(t1, y, bias, o + quarter)
    finish(t2, y, bias, o + 2 * quarter)
    finish(t3, y, bias, o + 3 * quarter)
  }
  for (let o = streams * quarter; o < outputs; o++) {
    factorsOf(scales + <usize>o * scaleBytes, units, factors, blocks, group, mask, factorOfHalves)
    let w = values + <usize>o * row
    let total = f32x4.splat(0)
    let part = scratch
    for (let b: usize = 0; b < factorBytes; b += 4) {
      const x0 = v128.load(part), x1 = v128.load(part, 16), x2 = v128.load(part, 32), x3 = v128.load(part, 48)
      total = madd(dot(w, x0, x1, x2, x3, bits), v128.load32_splat(factors + b), total)
      part += blockBytes
      w += bytes
    }
    finish(total, y, bias, o)
  }
}

/** 32 products, summed to four lanes. */
// @ts-ignore: decorator
@inline
function dot(w: usize, x0: v128, x1: v128, x2: v128, x3: v128, bits: i32): v128 {
  let a: v128, b: v128, c: v128, d: v128
  if (bits == 8) {
    a = v128.load8x8_s(w)
    b = v128.load8x8_s(w, 8)
    c = v128.load8x8_s(w, 16)
    d = v128.load8x8_s(w, 24)
  } else {
    // Shifting up and down again extends the sign.
    const word = v128.load(w)
    a = i16x8.shr_s(i16x8.shl(word, 12), 12)
    b = i16x8.shr_s(i16x8.shl(word, 8), 12)
    c = i16x8.shr_s(i16x8.shl(word, 4), 12)
    d = i16x8.shr_s(word, 12)
  }
  const ab = i32x4.add(i32x4.dot_i16x8_s(a, x0), i32x4.dot_i16x8_s(b, x1))
  const cd = i32x4.add(i32x4.dot_i16x8_s(c, x2), i32x4.dot_i16x8_s(d, x3))
  return f32x4.convert_i32x4_s(i32x4.add(ab, cd))
}

// @ts-ignore: decorator
@inline
function finish(total: v128, y: usize, bias: usize, o: i32): void {
  const at = <usize>o << 2
  store<f32>(y + at, sumOfLanes(total) + (bias ? load<f32>(bias + at) : 0))
}

/** Of each block: the scale of its group (a finite half) times the unit of x. `mask` and `factor`: upperHalves' constants. */
// @ts-ignore: decorator
@inline
export function factorsOf(scales: usize, units: usize, factors: usize, blocks: i32, group: i32, mask: v128, factor: v128): void {
  let b = 0
  if (group == block) {
    for (; b + 4 <= blocks; b += 4) {
      const at = <usize>b << 2
      const upper = i32x4.shl(v128.load16x4_u(scales + (<usize>b << 1)), 16)
      v128.store(factors + at, f32x4.mul(upperHalves(upper, mask, factor), v128.load(units + at)))
    }
  }
  for (; b < blocks; b++) {
    const at = <usize>b << 2
    store<f32>(factors + at, finiteHalfAt(scales + (<usize>(b * block / group) << 1)) * load<f32>(units + at))
  }
}

/**
 * x in fixed point, and the unit of each block. `bits`: of the weights. For 4 bits every fourth column of a block stand together, as
 * its nibbles come out.
 */
export function toFixedPoint(x: usize, parts: usize, units: usize, inputs: i32, bits: i32): void {
  for (let begin = 0; begin < inputs; begin += block) {
    const top = largestOf32(x)
    const perUnit = f32x4.splat(top > 0 ? 32767 / top : 0)
    if (bits == 8) {
      for (let at: usize = 0; at < blockBytes; at += 16) v128.store(parts + at, eight(x + (at << 1), perUnit))
    } else {
      arrange(x, parts, perUnit)
    }
    store<f32>(units, top / 32767)
    x += 128
    parts += blockBytes
    units += 4
  }
}

/** Two 4 x 4 matrices transposed: every fourth column together. */
// @ts-ignore: decorator
@inline
function arrange(x: usize, parts: usize, perUnit: v128): void {
  // Sixteen bits each: columns 0..7, 8..15, 16..23, 24..31.
  const ab = eight(x, perUnit), cd = eight(x + 32, perUnit)
  const ef = eight(x + 64, perUnit), gh = eight(x + 96, perUnit)
  // Columns n and n + 1 of every four, for n = 0 and n = 2.
  const low0 = v128.shuffle<i16>(ab, cd, 0, 4, 8, 12, 1, 5, 9, 13), low2 = v128.shuffle<i16>(ab, cd, 2, 6, 10, 14, 3, 7, 11, 15)
  const high0 = v128.shuffle<i16>(ef, gh, 0, 4, 8, 12, 1, 5, 9, 13), high2 = v128.shuffle<i16>(ef, gh, 2, 6, 10, 14, 3, 7, 11, 15)
  v128.store(parts, v128.shuffle<i64>(low0, high0, 0, 2))
  v128.store(parts, v128.shuffle<i64>(low0, high0, 1, 3), 16)
  v128.store(parts, v128.shuffle<i64>(low2, high2, 0, 2), 32)
  v128.store(parts, v128.shuffle<i64>(low2, high2, 1, 3), 48)
}

/** The largest magnitude of 32 columns of x, NaN if one is. */
// @ts-ignore: decorator
@inline
export function largestOf32(x: usize): f32 {
  return largestOfBlock(x, i32x4.splat(0x7fffffff))
}

/** Eight columns of x as integers of 16 bits. */
// @ts-ignore: decorator
@inline
export function eight(x: usize, perUnit: v128): v128 {
  return i16x8.narrow_i32x4_s(rounded(v128.load(x), perUnit), rounded(v128.load(x, 16), perUnit))
}

// @ts-ignore: decorator
@inline
export function rounded(x: v128, perUnit: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(x, perUnit)))
}
