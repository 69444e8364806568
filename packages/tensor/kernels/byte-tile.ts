/**
 * The register tiles of byte-product.ts: rows of x in bytes times a panel [inputs / 4][16][4] of W in bytes, with the factors of its blocks.
 */
import { block, onesAt } from './byte-block'
import { madd } from './simd'

/** Rows of W in a panel. */
export const width = 16
/** Most rows of x in a tile. */
export const tall = WIDE ? 4 : 2

/** Rows of x in a tile: with way 2 more, in the build for vectors of 256 bits. */
export function rowsOfTile(way: i32): i32 {
  return WIDE && way == 2 ? tall : 2
}
/** Of a row of x, for each block: its unit, what is added to a sum of integers, and the unit times the sum of its bytes. */
export const unitBytes: usize = 12
/** From four columns of x to the next, and from the units of a block to those of the next (roundRows of byte-product.ts). */
const xStep: usize = 4 * tall
const unitStep: usize = unitBytes * tall
const offsetAt: usize = 4 * tall
const restAt: usize = 8 * tall

/**
 * Rows of x (`rowsOfTile` of them) times a panel, added to rows of y, `step` bytes apart. x and its units as roundRows wrote them.
 * `way` as in byteMatMul; `factors` follow byte-block.ts's constants. `minima`: to each block the unit times the sum of x times the block's least value is added, and not the offset to
 * the sum of integers.
 */
export function byteTiles(x: usize, w: usize, factors: usize, blocks: i32, unit: usize, y: usize, step: usize, way: i32, minima: boolean): void {
  if (minima) {
    if (way == 0) tileOfPairsWithMinima(x, w, factors, blocks, unit, y, step)
    else if (!WIDE || way == 1) tileOfQuadsWithMinima(x, w, factors, blocks, unit, y, step)
    else tallTileOfQuadsWithMinima(x, w, factors, blocks, unit, y, step)
  } else {
    if (way == 0) tileOfPairs(x, w, factors, blocks, unit, y, step)
    else if (!WIDE || way == 1) tileOfQuads(x, w, factors, blocks, unit, y, step)
    else tallTileOfQuads(x, w, factors, blocks, unit, y, step)
  }
}

/* Functions of their own: inlined in a larger one, V8 would keep the sums in memory. */

function tileOfPairs(x: usize, w: usize, factors: usize, blocks: i32, unit: usize, y: usize, step: usize): void {
  byteTile(x, w, factors, blocks, unit, y, step, false, false)
}

function tileOfPairsWithMinima(x: usize, w: usize, factors: usize, blocks: i32, unit: usize, y: usize, step: usize): void {
  byteTile(x, w, factors, blocks, unit, y, step, false, true)
}

function tileOfQuads(x: usize, w: usize, factors: usize, blocks: i32, unit: usize, y: usize, step: usize): void {
  byteTile(x, w, factors, blocks, unit, y, step, true, false)
}

function tileOfQuadsWithMinima(x: usize, w: usize, factors: usize, blocks: i32, unit: usize, y: usize, step: usize): void {
  byteTile(x, w, factors, blocks, unit, y, step, true, true)
}

function tallTileOfQuads(x: usize, w: usize, factors: usize, blocks: i32, unit: usize, y: usize, step: usize): void {
  tallByteTile(x, w, factors, blocks, unit, y, step, false)
}

function tallTileOfQuadsWithMinima(x: usize, w: usize, factors: usize, blocks: i32, unit: usize, y: usize, step: usize): void {
  tallByteTile(x, w, factors, blocks, unit, y, step, true)
}

/**
 * Two rows. The inner loop is not unrolled: unrolled, V8 moves the sums between registers. Neighbours are loaded, computed and stored in
 * pairs: V8 makes vectors of 256 bits of them, where it is told to.
 */
// @ts-ignore: decorator
@inline
function byteTile(x: usize, w: usize, factors: usize, blocks: i32, u: usize, y0: usize, step: usize, quads: boolean, minima: boolean): void {
  const y1 = y0 + step
  const ones = onesAt(factors)
  for (let b = blocks; b > 0; b--) {
    let c00 = begin(u, quads, minima), c01 = c00, c02 = c00, c03 = c00
    let c10 = begin(u + 4, quads, minima), c11 = c10, c12 = c10, c13 = c10
    for (let s = block / 4; s > 0; s--) {
      const w0 = v128.load(w), w1 = v128.load(w, 16), w2 = v128.load(w, 32), w3 = v128.load(w, 48)
      let v = v128.load32_splat(x)
      c00 = dots(v, w0, c00, quads)
      c01 = dots(v, w1, c01, quads)
      c02 = dots(v, w2, c02, quads)
      c03 = dots(v, w3, c03, quads)
      v = v128.load32_splat(x, 4)
      c10 = dots(v, w0, c10, quads)
      c11 = dots(v, w1, c11, quads)
      c12 = dots(v, w2, c12, quads)
      c13 = dots(v, w3, c13, quads)
      w += 64
      x += xStep
    }
    const f0 = v128.load(factors), f1 = v128.load(factors, 16), f2 = v128.load(factors, 32), f3 = v128.load(factors, 48)
    const m0 = v128.load(factors, 64), m1 = v128.load(factors, 80), m2 = v128.load(factors, 96), m3 = v128.load(factors, 112)
    let unit = v128.load32_splat(u)
    let rest = v128.load32_splat(u + (minima ? restAt : offsetAt))
    c00 = scaled(c00, ones, f0, m0, unit, rest, v128.load(y0), quads, minima)
    c01 = scaled(c01, ones, f1, m1, unit, rest, v128.load(y0, 16), quads, minima)
    c02 = scaled(c02, ones, f2, m2, unit, rest, v128.load(y0, 32), quads, minima)
    c03 = scaled(c03, ones, f3, m3, unit, rest, v128.load(y0, 48), quads, minima)
    v128.store(y0, c00)
    v128.store(y0, c01, 16)
    v128.store(y0, c02, 32)
    v128.store(y0, c03, 48)
    unit = v128.load32_splat(u, 4)
    rest = v128.load32_splat(u + (minima ? restAt : offsetAt), 4)
    c10 = scaled(c10, ones, f0, m0, unit, rest, v128.load(y1), quads, minima)
    c11 = scaled(c11, ones, f1, m1, unit, rest, v128.load(y1, 16), quads, minima)
    c12 = scaled(c12, ones, f2, m2, unit, rest, v128.load(y1, 32), quads, minima)
    c13 = scaled(c13, ones, f3, m3, unit, rest, v128.load(y1, 48), quads, minima)
    v128.store(y1, c10)
    v128.store(y1, c11, 16)
    v128.store(y1, c12, 32)
    v128.store(y1, c13, 48)
    factors += 128
    u += unitStep
  }
}

/** Four rows: as many sums as keep two units busy in vectors of 256 bits. In vectors of 128 they are more than there are registers. */
// @ts-ignore: decorator
@inline
function tallByteTile(x: usize, w: usize, factors: usize, blocks: i32, u: usize, y0: usize, step: usize, minima: boolean): void {
  const quads = true
  const y1 = y0 + step, y2 = y1 + step, y3 = y2 + step
  const ones = onesAt(factors)
  for (let b = blocks; b > 0; b--) {
    let c00 = begin(u, quads, minima), c01 = c00, c02 = c00, c03 = c00
    let c10 = begin(u + 4, quads, minima), c11 = c10, c12 = c10, c13 = c10
    let c20 = begin(u + 8, quads, minima), c21 = c20, c22 = c20, c23 = c20
    let c30 = begin(u + 12, quads, minima), c31 = c30, c32 = c30, c33 = c30
    for (let s = block / 4; s > 0; s--) {
      const w0 = v128.load(w), w1 = v128.load(w, 16), w2 = v128.load(w, 32), w3 = v128.load(w, 48)
      let v = v128.load32_splat(x)
      c00 = dots(v, w0, c00, quads)
      c01 = dots(v, w1, c01, quads)
      c02 = dots(v, w2, c02, quads)
      c03 = dots(v, w3, c03, quads)
      v = v128.load32_splat(x, 4)
      c10 = dots(v, w0, c10, quads)
      c11 = dots(v, w1, c11, quads)
      c12 = dots(v, w2, c12, quads)
      c13 = dots(v, w3, c13, quads)
      v = v128.load32_splat(x, 8)
      c20 = dots(v, w0, c20, quads)
      c21 = dots(v, w1, c21, quads)
      c22 = dots(v, w2, c22, quads)
      c23 = dots(v, w3, c23, quads)
      v = v128.load32_splat(x, 12)
      c30 = dots(v, w0, c30, quads)
      c31 = dots(v, w1, c31, quads)
      c32 = dots(v, w2, c32, quads)
      c33 = dots(v, w3, c33, quads)
      w += 64
      x += xStep
    }
    const f0 = v128.load(factors), f1 = v128.load(factors, 16), f2 = v128.load(factors, 32), f3 = v128.load(factors, 48)
    const m0 = v128.load(factors, 64), m1 = v128.load(factors, 80), m2 = v128.load(factors, 96), m3 = v128.load(factors, 112)
    let unit = v128.load32_splat(u)
    let rest = v128.load32_splat(u + (minima ? restAt : offsetAt))
    c00 = scaled(c00, ones, f0, m0, unit, rest, v128.load(y0), quads, minima)
    c01 = scaled(c01, ones, f1, m1, unit, rest, v128.load(y0, 16), quads, minima)
    c02 = scaled(c02, ones, f2, m2, unit, rest, v128.load(y0, 32), quads, minima)
    c03 = scaled(c03, ones, f3, m3, unit, rest, v128.load(y0, 48), quads, minima)
    v128.store(y0, c00)
    v128.store(y0, c01, 16)
    v128.store(y0, c02, 32)
    v128.store(y0, c03, 48)
    unit = v128.load32_splat(u, 4)
    rest = v128.load32_splat(u + (minima ? restAt : offsetAt), 4)
    c10 = scaled(c10, ones, f0, m0, unit, rest, v128.load(y1), quads, minima)
    c11 = scaled(c11, ones, f1, m1, unit, rest, v128.load(y1, 16), quads, minima)
    c12 = scaled(c12, ones, f2, m2, unit, rest, v128.load(y1, 32), quads, minima)
    c13 = scaled(c13, ones, f3, m3, unit, rest, v128.load(y1, 48), quads, minima)
    v128.store(y1, c10)
    v128.store(y1, c11, 16)
    v128.store(y1, c12, 32)
    v128.store(y1, c13, 48)
    unit = v128.load32_splat(u, 8)
    rest = v128.load32_splat(u + (minima ? restAt : offsetAt), 8)
    c20 = scaled(c20, ones, f0, m0, unit, rest, v128.load(y2), quads, minima)
    c21 = scaled(c21, ones, f1, m1, unit, rest, v128.load(y2, 16), quads, minima)
    c22 = scaled(c22, ones, f2, m2, unit, rest, v128.load(y2, 32), quads, minima)
    c23 = scaled(c23, ones, f3, m3, unit, rest, v128.load(y2, 48), quads, minima)
    v128.store(y2, c20)
    v128.store(y2, c21, 16)
    v128.store(y2, c22, 32)
    v128.store(y2, c23, 48)
    unit = v128.load32_splat(u, 12)
    rest = v128.load32_splat(u + (minima ? restAt : offsetAt), 12)
    c30 = scaled(c30, ones, f0, m0, unit, rest, v128.load(y3), quads, minima)
    c31 = scaled(c31, ones, f1, m1, unit, rest, v128.load(y3, 16), quads, minima)
    c32 = scaled(c32, ones, f2, m2, unit, rest, v128.load(y3, 32), quads, minima)
    c33 = scaled(c33, ones, f3, m3, unit, rest, v128.load(y3, 48), quads, minima)
    v128.store(y3, c30)
    v128.store(y3, c31, 16)
    v128.store(y3, c32, 32)
    v128.store(y3, c33, 48)
    factors += 128
    u += unitStep
  }
}

/** Sums of four products begin at their offset; those of pairs, in 16 bits, get it in the end. */
// @ts-ignore: decorator
@inline
function begin(unit: usize, quads: boolean, minima: boolean): v128 {
  return quads && !minima ? v128.load32_splat(unit + offsetAt) : i32x4.splat(0)
}

/** Four columns of four rows of W, added to the lanes: sums of pairs in 16 bits, or of fours in 32. */
// @ts-ignore: decorator
@inline
function dots(x: v128, w: v128, sums: v128, quads: boolean): v128 {
  if (!ASC_FEATURE_RELAXED_SIMD) return sums
  if (quads) return i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, sums)
  return i16x8.add(sums, i16x8.relaxed_dot_i8x16_i7x16_s(x, w))
}

/** Four results: y + unit * scale * sum, where sums of pairs get `rest` added, or y + rest * least + unit * scale * sum. */
// @ts-ignore: decorator
@inline
function scaled(sums: v128, ones: v128, scale: v128, least: v128, unit: v128, rest: v128, y: v128, quads: boolean, minima: boolean): v128 {
  const whole = quads ? sums : i32x4.dot_i16x8_s(sums, ones)
  if (minima) return madd(f32x4.convert_i32x4_s(whole), f32x4.mul(scale, unit), madd(rest, least, y))
  return madd(f32x4.convert_i32x4_s(quads ? whole : i32x4.add(whole, rest)), f32x4.mul(scale, unit), y)
}
