/**
 * The register tiles of byte-product.ts: rows of x in bytes times a panel [inputs / 4][16][4] of W in bytes, with the factors of its blocks.
 */
import { madd } from './simd'

/** Rows of W in a panel. */
export const width = 16
/** Columns that share a unit. */
export const block = 32
/** Rows of x in the taller tile. */
export const tall = 4
/** Of a row of x, for each block: its unit, what is added to a sum of integers, and the unit times the sum of its bytes. */
export const unitBytes: usize = 12

/** Functions of their own: inlined in a larger one, V8 would keep the sums in memory. */
export function tileOfPairs(x: usize, inputs: i32, w: usize, factors: usize, blocks: i32, unit: usize, unitStep: usize, y: usize, step: usize): void {
  byteTile(x, inputs, w, factors, blocks, unit, unitStep, y, step, false)
}

export function tileOfQuads(x: usize, inputs: i32, w: usize, factors: usize, blocks: i32, unit: usize, unitStep: usize, y: usize, step: usize): void {
  byteTile(x, inputs, w, factors, blocks, unit, unitStep, y, step, true)
}

/**
 * Two rows of x times a panel, added to rows of y. The inner loop is not unrolled: unrolled, V8 moves the sums between registers. Neighbours
 * are loaded, computed and stored in pairs: V8 makes vectors of 256 bits of them, where it is told to.
 */
// @ts-ignore: decorator
@inline
function byteTile(
  x0: usize, inputs: i32, w: usize, factors: usize, blocks: i32, u0: usize, unitStep: usize, y0: usize, step: usize, quads: boolean,
): void {
  let x1 = x0 + <usize>inputs
  let u1 = u0 + unitStep
  const y1 = y0 + step
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
    const f0 = v128.load(factors), f1 = v128.load(factors, 16), f2 = v128.load(factors, 32), f3 = v128.load(factors, 48)
    let unit = v128.load32_splat(u0)
    let offset = v128.load32_splat(u0, 4)
    c00 = scaled(c00, offset, f0, unit, v128.load(y0), quads)
    c01 = scaled(c01, offset, f1, unit, v128.load(y0, 16), quads)
    c02 = scaled(c02, offset, f2, unit, v128.load(y0, 32), quads)
    c03 = scaled(c03, offset, f3, unit, v128.load(y0, 48), quads)
    v128.store(y0, c00)
    v128.store(y0, c01, 16)
    v128.store(y0, c02, 32)
    v128.store(y0, c03, 48)
    unit = v128.load32_splat(u1)
    offset = v128.load32_splat(u1, 4)
    c10 = scaled(c10, offset, f0, unit, v128.load(y1), quads)
    c11 = scaled(c11, offset, f1, unit, v128.load(y1, 16), quads)
    c12 = scaled(c12, offset, f2, unit, v128.load(y1, 32), quads)
    c13 = scaled(c13, offset, f3, unit, v128.load(y1, 48), quads)
    v128.store(y1, c10)
    v128.store(y1, c11, 16)
    v128.store(y1, c12, 32)
    v128.store(y1, c13, 48)
    factors += 128
    u0 += unitBytes
    u1 += unitBytes
  }
}

/** Four rows: as many sums as keep two units busy in vectors of 256 bits. In vectors of 128 they are more than there are registers. */
export function tallTileOfQuads(
  x0: usize, inputs: i32, w: usize, factors: usize, blocks: i32, u0: usize, unitStep: usize, y0: usize, step: usize,
): void {
  const quads = true
  let x1 = x0 + <usize>inputs, x2 = x1 + <usize>inputs, x3 = x2 + <usize>inputs
  let u1 = u0 + unitStep, u2 = u1 + unitStep, u3 = u2 + unitStep
  const y1 = y0 + step, y2 = y1 + step, y3 = y2 + step
  for (let b = blocks; b > 0; b--) {
    let c00 = i32x4.splat(0), c01 = c00, c02 = c00, c03 = c00
    let c10 = c00, c11 = c00, c12 = c00, c13 = c00
    let c20 = c00, c21 = c00, c22 = c00, c23 = c00
    let c30 = c00, c31 = c00, c32 = c00, c33 = c00
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
      v = v128.load32_splat(x2)
      c20 = dots(v, w0, c20, quads)
      c21 = dots(v, w1, c21, quads)
      c22 = dots(v, w2, c22, quads)
      c23 = dots(v, w3, c23, quads)
      v = v128.load32_splat(x3)
      c30 = dots(v, w0, c30, quads)
      c31 = dots(v, w1, c31, quads)
      c32 = dots(v, w2, c32, quads)
      c33 = dots(v, w3, c33, quads)
      w += 64
      x0 += 4
      x1 += 4
      x2 += 4
      x3 += 4
    }
    const f0 = v128.load(factors), f1 = v128.load(factors, 16), f2 = v128.load(factors, 32), f3 = v128.load(factors, 48)
    let unit = v128.load32_splat(u0)
    let offset = v128.load32_splat(u0, 4)
    c00 = scaled(c00, offset, f0, unit, v128.load(y0), quads)
    c01 = scaled(c01, offset, f1, unit, v128.load(y0, 16), quads)
    c02 = scaled(c02, offset, f2, unit, v128.load(y0, 32), quads)
    c03 = scaled(c03, offset, f3, unit, v128.load(y0, 48), quads)
    v128.store(y0, c00)
    v128.store(y0, c01, 16)
    v128.store(y0, c02, 32)
    v128.store(y0, c03, 48)
    unit = v128.load32_splat(u1)
    offset = v128.load32_splat(u1, 4)
    c10 = scaled(c10, offset, f0, unit, v128.load(y1), quads)
    c11 = scaled(c11, offset, f1, unit, v128.load(y1, 16), quads)
    c12 = scaled(c12, offset, f2, unit, v128.load(y1, 32), quads)
    c13 = scaled(c13, offset, f3, unit, v128.load(y1, 48), quads)
    v128.store(y1, c10)
    v128.store(y1, c11, 16)
    v128.store(y1, c12, 32)
    v128.store(y1, c13, 48)
    unit = v128.load32_splat(u2)
    offset = v128.load32_splat(u2, 4)
    c20 = scaled(c20, offset, f0, unit, v128.load(y2), quads)
    c21 = scaled(c21, offset, f1, unit, v128.load(y2, 16), quads)
    c22 = scaled(c22, offset, f2, unit, v128.load(y2, 32), quads)
    c23 = scaled(c23, offset, f3, unit, v128.load(y2, 48), quads)
    v128.store(y2, c20)
    v128.store(y2, c21, 16)
    v128.store(y2, c22, 32)
    v128.store(y2, c23, 48)
    unit = v128.load32_splat(u3)
    offset = v128.load32_splat(u3, 4)
    c30 = scaled(c30, offset, f0, unit, v128.load(y3), quads)
    c31 = scaled(c31, offset, f1, unit, v128.load(y3, 16), quads)
    c32 = scaled(c32, offset, f2, unit, v128.load(y3, 32), quads)
    c33 = scaled(c33, offset, f3, unit, v128.load(y3, 48), quads)
    v128.store(y3, c30)
    v128.store(y3, c31, 16)
    v128.store(y3, c32, 32)
    v128.store(y3, c33, 48)
    factors += 128
    u0 += unitBytes
    u1 += unitBytes
    u2 += unitBytes
    u3 += unitBytes
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

/** y + unit * scale * (sum + offset), four results. */
// @ts-ignore: decorator
@inline
function scaled(sums: v128, offset: v128, scales: v128, unit: v128, y: v128, quads: boolean): v128 {
  const whole = i32x4.add(quads ? sums : i32x4.dot_i16x8_s(sums, i16x8.splat(1)), offset)
  return madd(f32x4.convert_i32x4_s(whole), f32x4.mul(scales, unit), y)
}

/** Two rows += over blocks: (unit * sum of b) * least. */
export function addMinima(factors: usize, blocks: i32, u0: usize, unitStep: usize, y0: usize, step: usize): void {
  let u1 = u0 + unitStep
  const y1 = y0 + step
  let c00 = v128.load(y0), c01 = v128.load(y0, 16), c02 = v128.load(y0, 32), c03 = v128.load(y0, 48)
  let c10 = v128.load(y1), c11 = v128.load(y1, 16), c12 = v128.load(y1, 32), c13 = v128.load(y1, 48)
  for (let b = blocks; b > 0; b--) {
    const m0 = v128.load(factors, 64), m1 = v128.load(factors, 80), m2 = v128.load(factors, 96), m3 = v128.load(factors, 112)
    let v = v128.load32_splat(u0, 8)
    c00 = madd(v, m0, c00)
    c01 = madd(v, m1, c01)
    c02 = madd(v, m2, c02)
    c03 = madd(v, m3, c03)
    v = v128.load32_splat(u1, 8)
    c10 = madd(v, m0, c10)
    c11 = madd(v, m1, c11)
    c12 = madd(v, m2, c12)
    c13 = madd(v, m3, c13)
    factors += 128
    u0 += unitBytes
    u1 += unitBytes
  }
  v128.store(y0, c00)
  v128.store(y0, c01, 16)
  v128.store(y0, c02, 32)
  v128.store(y0, c03, 48)
  v128.store(y1, c10)
  v128.store(y1, c11, 16)
  v128.store(y1, c12, 32)
  v128.store(y1, c13, 48)
}
