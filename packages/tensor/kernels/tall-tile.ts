/**
 * The 6 x 8 register tile of the build that may fuse multiplication and addition.
 *
 *   to[i, j] = from[i, j] + sum over k of a(i, k) b(k, j)          i < 6, j < 8
 *
 * Twelve accumulators, two of b and one of a are the 15 registers that V8 gives out on x86; without fusion a product would need one
 * more. Twelve chains of additions keep two units with a latency of four cycles busy; the eight chains of tile.ts do not.
 * Not unrolled: unrolled by two, V8 runs out of registers, and it is a quarter slower.
 */
import { madd } from './simd'

/** a(0..5, k) are 6 floats at a + 24k, b(k, 0..7) are 8 at b + 32k: packed panels. */
export function tallTile(a: usize, b: usize, depth: i32, from: usize, fromStride: usize, to: usize, toStride: usize): void {
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
  from += fromStride
  let c40 = v128.load(from)
  let c41 = v128.load(from, 16)
  from += fromStride
  let c50 = v128.load(from)
  let c51 = v128.load(from, 16)
  let b0: v128, b1: v128, x: v128
  for (let k = depth; k > 0; k--) {
    b0 = v128.load(b)
    b1 = v128.load(b, 16)
    x = v128.load32_splat(a)
    c00 = madd(x, b0, c00)
    c01 = madd(x, b1, c01)
    x = v128.load32_splat(a, 4)
    c10 = madd(x, b0, c10)
    c11 = madd(x, b1, c11)
    x = v128.load32_splat(a, 8)
    c20 = madd(x, b0, c20)
    c21 = madd(x, b1, c21)
    x = v128.load32_splat(a, 12)
    c30 = madd(x, b0, c30)
    c31 = madd(x, b1, c31)
    x = v128.load32_splat(a, 16)
    c40 = madd(x, b0, c40)
    c41 = madd(x, b1, c41)
    x = v128.load32_splat(a, 20)
    c50 = madd(x, b0, c50)
    c51 = madd(x, b1, c51)
    a += 24
    b += 32
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
  to += toStride
  v128.store(to, c40)
  v128.store(to, c41, 16)
  to += toStride
  v128.store(to, c50)
  v128.store(to, c51, 16)
}

/** The sums alone, from 0. Rows of a lie at six addresses, k runs along them: row-major, not packed. */
export function tallTileOfRows(
  a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize, b: usize, depth: i32, to: usize, toStride: usize,
): void {
  let c00 = f32x4.splat(0), c01 = c00
  let c10 = c00, c11 = c00
  let c20 = c00, c21 = c00
  let c30 = c00, c31 = c00
  let c40 = c00, c41 = c00
  let c50 = c00, c51 = c00
  let b0: v128, b1: v128, x: v128
  for (let k = depth; k > 0; k--) {
    b0 = v128.load(b)
    b1 = v128.load(b, 16)
    x = v128.load32_splat(a0)
    c00 = madd(x, b0, c00)
    c01 = madd(x, b1, c01)
    x = v128.load32_splat(a1)
    c10 = madd(x, b0, c10)
    c11 = madd(x, b1, c11)
    x = v128.load32_splat(a2)
    c20 = madd(x, b0, c20)
    c21 = madd(x, b1, c21)
    x = v128.load32_splat(a3)
    c30 = madd(x, b0, c30)
    c31 = madd(x, b1, c31)
    x = v128.load32_splat(a4)
    c40 = madd(x, b0, c40)
    c41 = madd(x, b1, c41)
    x = v128.load32_splat(a5)
    c50 = madd(x, b0, c50)
    c51 = madd(x, b1, c51)
    a0 += 4
    a1 += 4
    a2 += 4
    a3 += 4
    a4 += 4
    a5 += 4
    b += 32
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
  to += toStride
  v128.store(to, c40)
  v128.store(to, c41, 16)
  to += toStride
  v128.store(to, c50)
  v128.store(to, c51, 16)
}
