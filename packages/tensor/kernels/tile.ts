/**
 * The 4 x 8 register tile, where almost all arithmetic happens.
 *
 *   to[i, j] = from[i, j] + sum over k of a(i, k) b(k, j)          i < 4, j < 8
 *
 * b(k, 0..7) are 8 floats at b + k * bStep. Eight accumulators, two of b and one of a fit the 16 registers of x86's SSE and AVX.
 * The loop is unrolled by two: measured a tenth faster than by one, a fifth than by four.
 */
import { madd } from './simd'

/** Rows of a lie at four addresses, k runs along them: a row-major matrix, not packed. */
export function tileOfRows(
  a0: usize, a1: usize, a2: usize, a3: usize,
  b: usize, bStep: usize, depth: i32,
  from: usize, fromStride: usize, to: usize, toStride: usize,
): void {
  tile(true, a0, a1, a2, a3, 0, b, bStep, depth, from, fromStride, to, toStride)
}

/** a(0..3, k) are 4 floats at a + k * aStep: a packed panel, or a row-major matrix read as its transpose. */
export function tileOfColumns(
  a: usize, aStep: usize,
  b: usize, bStep: usize, depth: i32,
  from: usize, fromStride: usize, to: usize, toStride: usize,
): void {
  tile(false, a, a, a, a, aStep, b, bStep, depth, from, fromStride, to, toStride)
}

// @ts-ignore: decorator
@inline
function tile(
  rows: boolean,
  a0: usize, a1: usize, a2: usize, a3: usize, aStep: usize,
  b: usize, bStep: usize, depth: i32,
  from: usize, fromStride: usize, to: usize, toStride: usize,
): void {
  let c00 = v128.load(from)
  let c01 = v128.load(from, 16)
  from += fromStride
  let c10 = v128.load(from)
  let c11 = v128.load(from, 16)
  from += fromStride
  let c20 = v128.load(from)
  let c21 = v128.load(from, 16)
  from += fromStride
  let c30 = v128.load(from)
  let c31 = v128.load(from, 16)
  let b0: v128, b1: v128, x: v128
  // The odd step comes before the loop: after it, V8 spills the accumulators in the loop, which is a third slower.
  if (depth & 1) {
    b0 = v128.load(b)
    b1 = v128.load(b, 16)
    b += bStep
    x = rows ? v128.load32_splat(a0) : v128.load32_splat(a0)
    c00 = madd(x, b0, c00)
    c01 = madd(x, b1, c01)
    x = rows ? v128.load32_splat(a1) : v128.load32_splat(a0, 4)
    c10 = madd(x, b0, c10)
    c11 = madd(x, b1, c11)
    x = rows ? v128.load32_splat(a2) : v128.load32_splat(a0, 8)
    c20 = madd(x, b0, c20)
    c21 = madd(x, b1, c21)
    x = rows ? v128.load32_splat(a3) : v128.load32_splat(a0, 12)
    c30 = madd(x, b0, c30)
    c31 = madd(x, b1, c31)
      if (rows) {
      a0 += 4
      a1 += 4
      a2 += 4
      a3 += 4
    } else {
      a0 += aStep
    }
  }
  for (let k = depth >> 1; k > 0; k--) {
    b0 = v128.load(b)
    b1 = v128.load(b, 16)
    b += bStep
    x = rows ? v128.load32_splat(a0) : v128.load32_splat(a0)
    c00 = madd(x, b0, c00)
    c01 = madd(x, b1, c01)
    x = rows ? v128.load32_splat(a1) : v128.load32_splat(a0, 4)
    c10 = madd(x, b0, c10)
    c11 = madd(x, b1, c11)
    x = rows ? v128.load32_splat(a2) : v128.load32_splat(a0, 8)
    c20 = madd(x, b0, c20)
    c21 = madd(x, b1, c21)
    x = rows ? v128.load32_splat(a3) : v128.load32_splat(a0, 12)
    c30 = madd(x, b0, c30)
    c31 = madd(x, b1, c31)
    if (!rows) a0 += aStep
    b0 = v128.load(b)
    b1 = v128.load(b, 16)
    b += bStep
    x = rows ? v128.load32_splat(a0, 4) : v128.load32_splat(a0)
    c00 = madd(x, b0, c00)
    c01 = madd(x, b1, c01)
    x = rows ? v128.load32_splat(a1, 4) : v128.load32_splat(a0, 4)
    c10 = madd(x, b0, c10)
    c11 = madd(x, b1, c11)
    x = rows ? v128.load32_splat(a2, 4) : v128.load32_splat(a0, 8)
    c20 = madd(x, b0, c20)
    c21 = madd(x, b1, c21)
    x = rows ? v128.load32_splat(a3, 4) : v128.load32_splat(a0, 12)
    c30 = madd(x, b0, c30)
    c31 = madd(x, b1, c31)
    if (!rows) a0 += aStep
    if (rows) {
      a0 += 8
      a1 += 8
      a2 += 8
      a3 += 8
    }
  }
  v128.store(to, c00)
  v128.store(to, c01, 16)
  to += toStride
  v128.store(to, c10)
  v128.store(to, c11, 16)
  to += toStride
  v128.store(to, c20)
  v128.store(to, c21, 16)
  to += toStride
  v128.store(to, c30)
  v128.store(to, c31, 16)
}
