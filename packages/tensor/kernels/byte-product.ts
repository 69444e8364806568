/**
 * Products of many rows with a weight W [outputs, inputs] in 4 bits (int4, Q4_1, Q4_K), in integers: the main cost of a prompt. For the
 * build with relaxed SIMD, whose dot products of bytes do four to eight times as much per instruction as float32.
 *
 * Each 32 columns of a row of x become bytes, x = unit * b with |b| <= 127, and the weight's are w = scale * q + least with q in 0 .. 15. So
 *
 *   y[t,o] = bias[o] + sum over blocks of 32:  unit * scale * (b . q)  +  (unit * sum of b) * least
 *
 * b . q is exact: a pair of products is at most 3,810, and a lane's share of a block at most 30,480, which 16 bits hold. No relaxed
 * instruction is used where machines may differ: q never has its upper bit set, and nothing saturates. Rounding x to bytes moves a result by
 * some 0.5 % of its size.
 *
 * W is unpacked 16 rows at a time to a panel [inputs / 4][16][4] of bytes, which with its scales stays in the L1 cache while all rows of
 * x pass: no output needs a sum across lanes.
 */
import { Q4_1 } from './blocks'
import { finiteHalfAt } from './halves'
import { transposeFour } from './pack'
import { largestOf32, rounded } from './quantized-row'
import { madd } from './simd'
import { leastOfQ4K, scaleOfQ4K } from './widen-blocks'

/** Rows of W in a panel. */
const width = 16
/** Columns that share a unit. */
const block = 32
/** Two rows of 16 results. */
const tileBytes: usize = 2 * width * 4

/** Bytes of scratch that byteMatMul needs. */
export function byteMatMulScratch(rows: i32, inputs: i32): i32 {
  const blocks = inputs / block
  return <i32>tileBytes + width * 8 * blocks + 2 * width * inputs + rows * (inputs + 8 * blocks)
}

/**
 * y [rows, outputs] = x Wᵀ + bias (if given). `inputs` is a multiple of 32 and `strideOfY` the floats from row to row of y, of which a part of
 * the columns may be given. `group`: columns that share a scale of int4, a multiple of 32; 0 means blocks of the given `format`.
 * `quads`: sum four products per lane with one instruction, not pairs and then pairs of pairs. Which is faster depends on the machine;
 * the result is the same.
 */
export function byteMatMul(
  x: usize, values: usize, scales: usize, bias: usize, y: usize, scratch: usize,
  rows: i32, inputs: i32, outputs: i32, format: i32, group: i32, strideOfY: i32, quads: boolean,
): void {
  if (!ASC_FEATURE_RELAXED_SIMD) unreachable()
  const blocks = inputs / block
  const tile = scratch
  // Of each block, 16 scales and 16 minima.
  const factors = tile + tileBytes
  const panel = factors + <usize>(width * 8 * blocks)
  const unpacked = panel + <usize>(width * inputs)
  const bytes = unpacked + <usize>(width * inputs)
  // Of each row and block, the unit and the sum.
  const units = bytes + <usize>(rows * inputs)
  for (let t = 0; t < rows; t++) toBytes(x + (<usize>(t * inputs) << 2), bytes + <usize>(t * inputs), units + (<usize>(t * blocks) << 3), inputs)
  const rowBytes = <usize>(group > 0 ? inputs / 2 : format == Q4_1 ? blocks * 20 : (inputs / 256) * 144)
  const scaleBytes = group > 0 ? <usize>((inputs + group - 1) / group) << 1 : 0
  for (let n = 0; n < outputs; n += width) {
    const count = min(width, outputs - n)
    if (count < width) {
      memory.fill(unpacked, 0, <usize>(width * inputs))
      memory.fill(factors, 0, <usize>(width * 8 * blocks))
    }
    for (let o = 0; o < count; o++) {
      const row = values + <usize>(n + o) * rowBytes
      const to = unpacked + <usize>(o * inputs)
      const factor = factors + (<usize>o << 2)
      if (group > 0) unpackInt4(row, scales + <usize>(n + o) * scaleBytes, to, factor, blocks, group)
      else if (format == Q4_1) unpackQ41(row, to, factor, blocks)
      else unpackQ4K(row, to, factor, blocks)
    }
    // Four bytes are moved like a float.
    for (let o = 0; o < width; o += 4) {
      transposeFour<f32>(unpacked + <usize>(o * inputs), <usize>inputs, inputs / 4, panel + (<usize>o << 2), 4 * width)
    }
    const biases = bias ? bias + (<usize>n << 2) : 0
    const strideOfUnits = <usize>blocks << 3
    const stride = <usize>strideOfY << 2
    let from = bytes, unit = units, to = y + (<usize>n << 2)
    for (let t = 0; t + 2 <= rows; t += 2) {
      startTile(tile, biases, count)
      if (quads) tileOfQuads(from, from + <usize>inputs, panel, factors, blocks, unit, unit + strideOfUnits, tile)
      else tileOfPairs(from, from + <usize>inputs, panel, factors, blocks, unit, unit + strideOfUnits, tile)
      memory.copy(to, tile, <usize>count << 2)
      memory.copy(to + stride, tile + (width << 2), <usize>count << 2)
      from += <usize>(2 * inputs)
      unit += 2 * strideOfUnits
      to += 2 * stride
    }
    if (rows & 1) {
      // Twice the same row.
      startTile(tile, biases, count)
      if (quads) tileOfQuads(from, from, panel, factors, blocks, unit, unit, tile)
      else tileOfPairs(from, from, panel, factors, blocks, unit, unit, tile)
      memory.copy(to, tile, <usize>count << 2)
    }
  }
}

/** Both rows of the tile: the bias, or zeros. */
function startTile(tile: usize, bias: usize, count: i32): void {
  memory.fill(tile, 0, tileBytes)
  if (!bias) return
  memory.copy(tile, bias, <usize>count << 2)
  memory.copy(tile + (width << 2), bias, <usize>count << 2)
}

/** Functions of their own: inlined in a larger one, V8 would keep the sums in memory. */
function tileOfPairs(x0: usize, x1: usize, w: usize, factors: usize, blocks: i32, u0: usize, u1: usize, tile: usize): void {
  byteTile(x0, x1, w, factors, blocks, u0, u1, tile, false)
}

function tileOfQuads(x0: usize, x1: usize, w: usize, factors: usize, blocks: i32, u0: usize, u1: usize, tile: usize): void {
  byteTile(x0, x1, w, factors, blocks, u0, u1, tile, true)
}

/** Two rows of x times a panel, added to the tile. Its inner loop is not unrolled: unrolled, V8 moves the sums between registers. */
// @ts-ignore: decorator
@inline
function byteTile(
  x0: usize, x1: usize, w: usize, factors: usize, blocks: i32, u0: usize, u1: usize, tile: usize, quads: boolean,
): void {
  const ones = i16x8.splat(1)
  for (let b = blocks; b > 0; b--) {
    let c00 = i32x4.splat(0), c01 = c00, c02 = c00, c03 = c00
    let c10 = c00, c11 = c00, c12 = c00, c13 = c00
    for (let s = block / 4; s > 0; s--) {
      const w0 = v128.load(w), w1 = v128.load(w, 16), w2 = v128.load(w, 32), w3 = v128.load(w, 48)
      let v = v128.load32_splat(x0)
      c00 = dots(v, w0, c00, quads)
      c01 = dots(v, w1, c01, quads)
      c02 = dots(v, w2, c02, quads)
      c03 = dots(v, w3, c03, quads)
      v = v128.load32_splat(x1)
      c10 = dots(v, w0, c10, quads)
      c11 = dots(v, w1, c11, quads)
      c12 = dots(v, w2, c12, quads)
      c13 = dots(v, w3, c13, quads)
      w += 64
      x0 += 4
      x1 += 4
    }
    addScaled(c00, ones, factors, u0, tile, quads)
    addScaled(c01, ones, factors + 16, u0, tile + 16, quads)
    addScaled(c02, ones, factors + 32, u0, tile + 32, quads)
    addScaled(c03, ones, factors + 48, u0, tile + 48, quads)
    addScaled(c10, ones, factors, u1, tile + 64, quads)
    addScaled(c11, ones, factors + 16, u1, tile + 80, quads)
    addScaled(c12, ones, factors + 32, u1, tile + 96, quads)
    addScaled(c13, ones, factors + 48, u1, tile + 112, quads)
    factors += 128
    u0 += 8
    u1 += 8
  }
}

/** Four columns of four rows of W, added to the lanes: sums of pairs in 16 bits, or of fours in 32. */
// @ts-ignore: decorator
@inline
function dots(x: v128, w: v128, sums: v128, quads: boolean): v128 {
  if (!ASC_FEATURE_RELAXED_SIMD) return sums
  if (quads) return i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, sums)
  return i16x8.add(sums, i16x8.relaxed_dot_i8x16_i7x16_s(x, w))
}

/** Four results: += unit * scale * sum + (unit * sum of x) * least. `unit`: address of the unit and the sum. */
// @ts-ignore: decorator
@inline
function addScaled(sums: v128, ones: v128, factors: usize, unit: usize, tile: usize, quads: boolean): void {
  const whole = f32x4.convert_i32x4_s(quads ? sums : i32x4.dot_i16x8_s(sums, ones))
  const scale = f32x4.mul(v128.load(factors), v128.load32_splat(unit))
  const base = madd(v128.load(factors, 64), v128.load32_splat(unit, 4), v128.load(tile))
  v128.store(tile, madd(whole, scale, base))
}

/** A row of x as bytes; of each block the unit, and the unit times the sum of the bytes. */
function toBytes(x: usize, bytes: usize, units: usize, inputs: i32): void {
  const ones = i16x8.splat(1)
  for (let begin = 0; begin < inputs; begin += block) {
    const top = largestOf32(x)
    const unit = top / 127
    const perUnit = f32x4.splat(top > 0 ? 127 / top : 0)
    let sums = i32x4.splat(0)
    for (let half: usize = 0; half < 2; half++) {
      const from = x + (half << 6)
      const low = i16x8.narrow_i32x4_s(rounded(v128.load(from), perUnit), rounded(v128.load(from, 16), perUnit))
      const high = i16x8.narrow_i32x4_s(rounded(v128.load(from, 32), perUnit), rounded(v128.load(from, 48), perUnit))
      const both = i8x16.narrow_i16x8_s(low, high)
      v128.store(bytes + (half << 4), both)
      sums = i32x4.add(sums, i32x4.dot_i16x8_s(i16x8.extadd_pairwise_i8x16_s(both), ones))
    }
    const pairs = i32x4.add(sums, v128.shuffle<i32>(sums, sums, 2, 3, 0, 1))
    store<f32>(units, unit)
    store<f32>(units, unit * <f32>(i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1)), 4)
    x += 128
    bytes += 32
    units += 8
  }
}

/** Nibbles -8 .. 7, the first of a byte in its lower half, as 0 .. 15: w = scale * q - 8 scale. */
function unpackInt4(row: usize, scales: usize, to: usize, factors: usize, blocks: i32, group: i32): void {
  for (let b = 0; b < blocks; b++) {
    const word = v128.xor(v128.load(row), i8x16.splat(<i8>0x88))
    const low = v128.and(word, i8x16.splat(15)), high = i8x16.shr_u(word, 4)
    v128.store(to, v128.shuffle<i8>(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23))
    v128.store(to, v128.shuffle<i8>(low, high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), 16)
    const scale = finiteHalfAt(scales + (<usize>(b * block / group) << 1))
    store<f32>(factors, scale)
    store<f32>(factors, -8 * scale, 64)
    row += 16
    to += 32
    factors += 128
  }
}

function unpackQ41(row: usize, to: usize, factors: usize, blocks: i32): void {
  for (let b = 0; b < blocks; b++) {
    store<f32>(factors, finiteHalfAt(row))
    store<f32>(factors, finiteHalfAt(row + 2), 64)
    storeNibbles(row + 4, to)
    row += 20
    to += 32
    factors += 128
  }
}

function unpackQ4K(row: usize, to: usize, factors: usize, blocks: i32): void {
  for (let b = 0; b < blocks; b += 8) {
    for (let group = 0; group < 8; group++) {
      store<f32>(factors, scaleOfQ4K(row, group))
      store<f32>(factors, leastOfQ4K(row, group), 64)
      factors += 128
    }
    for (let pair: usize = 0; pair < 4; pair++) {
      const nibbles = row + 16 + (pair << 5)
      const first = v128.load(nibbles), second = v128.load(nibbles, 16)
      v128.store(to, v128.and(first, i8x16.splat(15)))
      v128.store(to, v128.and(second, i8x16.splat(15)), 16)
      v128.store(to, i8x16.shr_u(first, 4), 32)
      v128.store(to, i8x16.shr_u(second, 4), 48)
      to += 64
    }
    row += 144
  }
}

/** 16 low nibbles, then 16 high ones. */
// @ts-ignore: decorator
@inline
function storeNibbles(from: usize, to: usize): void {
  const bytes = v128.load(from)
  v128.store(to, v128.and(bytes, i8x16.splat(15)))
  v128.store(to, i8x16.shr_u(bytes, 4), 16)
}
