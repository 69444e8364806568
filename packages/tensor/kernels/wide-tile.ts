/**
 * The register tiles of the build for vectors of 256 bits: as tile.ts and tall-tile.ts, but of two panels of b, 16 columns. V8 joins neighbours in
 * pairs (--experimental-wasm-revectorize); in vectors of 128 bits there are more sums here than registers.
 *
 * `panel`: bytes from a panel of b to the next.
 */
import { madd } from './simd'

/** to[i, j] = sum over k of a(i, k) b(k, j), i < 4, j < 16. Rows of a lie at four addresses. */
export function wideTileOfRows(
  a0: usize, a1: usize, a2: usize, a3: usize, b: usize, panel: usize, depth: i32, to: usize, toStride: usize,
): void {
  let second = b + panel
  let c00 = f32x4.splat(0), c01 = c00, c02 = c00, c03 = c00
  let c10 = c00, c11 = c00, c12 = c00, c13 = c00
  let c20 = c00, c21 = c00, c22 = c00, c23 = c00
  let c30 = c00, c31 = c00, c32 = c00, c33 = c00
  for (let k = depth; k > 0; k--) {
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(second), b3 = v128.load(second, 16)
    let x = v128.load32_splat(a0)
    c00 = madd(x, b0, c00)
    c01 = madd(x, b1, c01)
    c02 = madd(x, b2, c02)
    c03 = madd(x, b3, c03)
    x = v128.load32_splat(a1)
    c10 = madd(x, b0, c10)
    c11 = madd(x, b1, c11)
    c12 = madd(x, b2, c12)
    c13 = madd(x, b3, c13)
    x = v128.load32_splat(a2)
    c20 = madd(x, b0, c20)
    c21 = madd(x, b1, c21)
    c22 = madd(x, b2, c22)
    c23 = madd(x, b3, c23)
    x = v128.load32_splat(a3)
    c30 = madd(x, b0, c30)
    c31 = madd(x, b1, c31)
    c32 = madd(x, b2, c32)
    c33 = madd(x, b3, c33)
    a0 += 4
    a1 += 4
    a2 += 4
    a3 += 4
    b += 32
    second += 32
  }
  v128.store(to, c00)
  v128.store(to, c01, 16)
  v128.store(to, c02, 32)
  v128.store(to, c03, 48)
  to += toStride
  v128.store(to, c10)
  v128.store(to, c11, 16)
  v128.store(to, c12, 32)
  v128.store(to, c13, 48)
  to += toStride
  v128.store(to, c20)
  v128.store(to, c21, 16)
  v128.store(to, c22, 32)
  v128.store(to, c23, 48)
  to += toStride
  v128.store(to, c30)
  v128.store(to, c31, 16)
  v128.store(to, c32, 32)
  v128.store(to, c33, 48)
}

/** to[i, j] += sum over k of a(i, k) b(k, j), i < 4, j < 16. a(0..3, k) are 4 floats at a + k * aStep. */
export function wideTileOfColumns(a: usize, aStep: usize, b: usize, panel: usize, depth: i32, to: usize, toStride: usize): void {
  let second = b + panel
  let from = to
  let c00 = v128.load(from)
  let c01 = v128.load(from, 16)
  let c02 = v128.load(from, 32)
  let c03 = v128.load(from, 48)
  from += toStride
  let c10 = v128.load(from)
  let c11 = v128.load(from, 16)
  let c12 = v128.load(from, 32)
  let c13 = v128.load(from, 48)
  from += toStride
  let c20 = v128.load(from)
  let c21 = v128.load(from, 16)
  let c22 = v128.load(from, 32)
  let c23 = v128.load(from, 48)
  from += toStride
  let c30 = v128.load(from)
  let c31 = v128.load(from, 16)
  let c32 = v128.load(from, 32)
  let c33 = v128.load(from, 48)
  for (let k = depth; k > 0; k--) {
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(second), b3 = v128.load(second, 16)
    let x = v128.load32_splat(a)
    c00 = madd(x, b0, c00)
    c01 = madd(x, b1, c01)
    c02 = madd(x, b2, c02)
    c03 = madd(x, b3, c03)
    x = v128.load32_splat(a, 4)
    c10 = madd(x, b0, c10)
    c11 = madd(x, b1, c11)
    c12 = madd(x, b2, c12)
    c13 = madd(x, b3, c13)
    x = v128.load32_splat(a, 8)
    c20 = madd(x, b0, c20)
    c21 = madd(x, b1, c21)
    c22 = madd(x, b2, c22)
    c23 = madd(x, b3, c23)
    x = v128.load32_splat(a, 12)
    c30 = madd(x, b0, c30)
    c31 = madd(x, b1, c31)
    c32 = madd(x, b2, c32)
    c33 = madd(x, b3, c33)
    a += aStep
    b += 32
    second += 32
  }
  v128.store(to, c00)
  v128.store(to, c01, 16)
  v128.store(to, c02, 32)
  v128.store(to, c03, 48)
  to += toStride
  v128.store(to, c10)
  v128.store(to, c11, 16)
  v128.store(to, c12, 32)
  v128.store(to, c13, 48)
  to += toStride
  v128.store(to, c20)
  v128.store(to, c21, 16)
  v128.store(to, c22, 32)
  v128.store(to, c23, 48)
  to += toStride
  v128.store(to, c30)
  v128.store(to, c31, 16)
  v128.store(to, c32, 32)
  v128.store(to, c33, 48)
}

/** to[i, j] = from[i, j] + sum over k of a(i, k) b(k, j), i < 6, j < 16. a(0..5, k) are 6 floats at a + 24k. */
export function wideTallTile(
  a: usize, b: usize, panel: usize, depth: i32, from: usize, fromStride: usize, to: usize, toStride: usize,
): void {
  let second = b + panel
  let c00 = v128.load(from)
  let c01 = v128.load(from, 16)
  let c02 = v128.load(from, 32)
  let c03 = v128.load(from, 48)
  from += fromStride
  let c10 = v128.load(from)
  let c11 = v128.load(from, 16)
  let c12 = v128.load(from, 32)
  let c13 = v128.load(from, 48)
  from += fromStride
  let c20 = v128.load(from)
  let c21 = v128.load(from, 16)
  let c22 = v128.load(from, 32)
  let c23 = v128.load(from, 48)
  from += fromStride
  let c30 = v128.load(from)
  let c31 = v128.load(from, 16)
  let c32 = v128.load(from, 32)
  let c33 = v128.load(from, 48)
  from += fromStride
  let c40 = v128.load(from)
  let c41 = v128.load(from, 16)
  let c42 = v128.load(from, 32)
  let c43 = v128.load(from, 48)
  from += fromStride
  let c50 = v128.load(from)
  let c51 = v128.load(from, 16)
  let c52 = v128.load(from, 32)
  let c53 = v128.load(from, 48)
  for (let k = depth; k > 0; k--) {
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(second), b3 = v128.load(second, 16)
    let x = v128.load32_splat(a)
    c00 = madd(x, b0, c00)
    c01 = madd(x, b1, c01)
    c02 = madd(x, b2, c02)
    c03 = madd(x, b3, c03)
    x = v128.load32_splat(a, 4)
    c10 = madd(x, b0, c10)
    c11 = madd(x, b1, c11)
    c12 = madd(x, b2, c12)
    c13 = madd(x, b3, c13)
    x = v128.load32_splat(a, 8)
    c20 = madd(x, b0, c20)
    c21 = madd(x, b1, c21)
    c22 = madd(x, b2, c22)
    c23 = madd(x, b3, c23)
    x = v128.load32_splat(a, 12)
    c30 = madd(x, b0, c30)
    c31 = madd(x, b1, c31)
    c32 = madd(x, b2, c32)
    c33 = madd(x, b3, c33)
    x = v128.load32_splat(a, 16)
    c40 = madd(x, b0, c40)
    c41 = madd(x, b1, c41)
    c42 = madd(x, b2, c42)
    c43 = madd(x, b3, c43)
    x = v128.load32_splat(a, 20)
    c50 = madd(x, b0, c50)
    c51 = madd(x, b1, c51)
    c52 = madd(x, b2, c52)
    c53 = madd(x, b3, c53)
    a += 24
    b += 32
    second += 32
  }
  v128.store(to, c00)
  v128.store(to, c01, 16)
  v128.store(to, c02, 32)
  v128.store(to, c03, 48)
  to += toStride
  v128.store(to, c10)
  v128.store(to, c11, 16)
  v128.store(to, c12, 32)
  v128.store(to, c13, 48)
  to += toStride
  v128.store(to, c20)
  v128.store(to, c21, 16)
  v128.store(to, c22, 32)
  v128.store(to, c23, 48)
  to += toStride
  v128.store(to, c30)
  v128.store(to, c31, 16)
  v128.store(to, c32, 32)
  v128.store(to, c33, 48)
  to += toStride
  v128.store(to, c40)
  v128.store(to, c41, 16)
  v128.store(to, c42, 32)
  v128.store(to, c43, 48)
  to += toStride
  v128.store(to, c50)
  v128.store(to, c51, 16)
  v128.store(to, c52, 32)
  v128.store(to, c53, 48)
}

/** As wideTileOfRows, of six rows: i < 6. */
export function wideTallTileOfRows(
  a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize, b: usize, panel: usize, depth: i32, to: usize, toStride: usize,
): void {
  let second = b + panel
  let c00 = f32x4.splat(0), c01 = c00, c02 = c00, c03 = c00
  let c10 = c00, c11 = c00, c12 = c00, c13 = c00
  let c20 = c00, c21 = c00, c22 = c00, c23 = c00
  let c30 = c00, c31 = c00, c32 = c00, c33 = c00
  let c40 = c00, c41 = c00, c42 = c00, c43 = c00
  let c50 = c00, c51 = c00, c52 = c00, c53 = c00
  for (let k = depth; k > 0; k--) {
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(second), b3 = v128.load(second, 16)
    let x = v128.load32_splat(a0)
    c00 = madd(x, b0, c00)
    c01 = madd(x, b1, c01)
    c02 = madd(x, b2, c02)
    c03 = madd(x, b3, c03)
    x = v128.load32_splat(a1)
    c10 = madd(x, b0, c10)
    c11 = madd(x, b1, c11)
    c12 = madd(x, b2, c12)
    c13 = madd(x, b3, c13)
    x = v128.load32_splat(a2)
    c20 = madd(x, b0, c20)
    c21 = madd(x, b1, c21)
    c22 = madd(x, b2, c22)
    c23 = madd(x, b3, c23)
    x = v128.load32_splat(a3)
    c30 = madd(x, b0, c30)
    c31 = madd(x, b1, c31)
    c32 = madd(x, b2, c32)
    c33 = madd(x, b3, c33)
    x = v128.load32_splat(a4)
    c40 = madd(x, b0, c40)
    c41 = madd(x, b1, c41)
    c42 = madd(x, b2, c42)
    c43 = madd(x, b3, c43)
    x = v128.load32_splat(a5)
    c50 = madd(x, b0, c50)
    c51 = madd(x, b1, c51)
    c52 = madd(x, b2, c52)
    c53 = madd(x, b3, c53)
    a0 += 4
    a1 += 4
    a2 += 4
    a3 += 4
    a4 += 4
    a5 += 4
    b += 32
    second += 32
  }
  v128.store(to, c00)
  v128.store(to, c01, 16)
  v128.store(to, c02, 32)
  v128.store(to, c03, 48)
  to += toStride
  v128.store(to, c10)
  v128.store(to, c11, 16)
  v128.store(to, c12, 32)
  v128.store(to, c13, 48)
  to += toStride
  v128.store(to, c20)
  v128.store(to, c21, 16)
  v128.store(to, c22, 32)
  v128.store(to, c23, 48)
  to += toStride
  v128.store(to, c30)
  v128.store(to, c31, 16)
  v128.store(to, c32, 32)
  v128.store(to, c33, 48)
  to += toStride
  v128.store(to, c40)
  v128.store(to, c41, 16)
  v128.store(to, c42, 32)
  v128.store(to, c43, 48)
  to += toStride
  v128.store(to, c50)
  v128.store(to, c51, 16)
  v128.store(to, c52, 32)
  v128.store(to, c53, 48)
}
