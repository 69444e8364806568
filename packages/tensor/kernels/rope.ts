/** Rotation of the pairs of each head by its token's angles. x, y [tokens, heads, 2 * pairs]; cos, sin [tokens, pairs]. */
import { madd } from './simd'

/** Pairs (i, i + pairs). `sign` 1, or -1 to turn back. */
export function ropeHalf(x: usize, y: usize, cos: usize, sin: usize, tokens: i32, heads: i32, pairs: i32, sign: f32): void {
  const bytes = <usize>pairs << 2
  const blocks = bytes & ~15
  const signs = f32x4.splat(sign)
  for (let t = 0; t < tokens; t++) {
    for (let head = 0; head < heads; head++) {
      let at: usize = 0
      for (; at < blocks; at += 16) {
        const c = v128.load(cos + at)
        const s = f32x4.mul(v128.load(sin + at), signs)
        const a = v128.load(x + at)
        const b = v128.load(x + bytes + at)
        v128.store(y + at, madd(f32x4.neg(b), s, f32x4.mul(a, c)))
        v128.store(y + bytes + at, madd(a, s, f32x4.mul(b, c)))
      }
      for (; at < bytes; at += 4) turn(x + at, x + bytes + at, y + at, y + bytes + at, load<f32>(cos + at), load<f32>(sin + at) * sign)
      x += 2 * bytes
      y += 2 * bytes
    }
    cos += bytes
    sin += bytes
  }
}

/** Pairs (2i, 2i + 1). */
export function ropeInterleaved(x: usize, y: usize, cos: usize, sin: usize, tokens: i32, heads: i32, pairs: i32, sign: f32): void {
  const bytes = <usize>pairs << 2
  const blocks = bytes & ~15
  const signs = f32x4.splat(sign)
  for (let t = 0; t < tokens; t++) {
    for (let head = 0; head < heads; head++) {
      let at: usize = 0
      for (; at < blocks; at += 16) {
        const c = v128.load(cos + at)
        const s = f32x4.mul(v128.load(sin + at), signs)
        const low = v128.load(x + 2 * at)
        const high = v128.load(x + 2 * at, 16)
        const a = v128.shuffle<f32>(low, high, 0, 2, 4, 6)
        const b = v128.shuffle<f32>(low, high, 1, 3, 5, 7)
        const first = madd(f32x4.neg(b), s, f32x4.mul(a, c))
        const second = madd(a, s, f32x4.mul(b, c))
        v128.store(y + 2 * at, v128.shuffle<f32>(first, second, 0, 4, 1, 5))
        v128.store(y + 2 * at, v128.shuffle<f32>(first, second, 2, 6, 3, 7), 16)
      }
      for (; at < bytes; at += 4) {
        const i = at << 1
        turn(x + i, x + i + 4, y + i, y + i + 4, load<f32>(cos + at), load<f32>(sin + at) * sign)
      }
      x += 2 * bytes
      y += 2 * bytes
    }
    cos += bytes
    sin += bytes
  }
}

// @ts-ignore: decorator
@inline
function turn(a: usize, b: usize, outA: usize, outB: usize, c: f32, s: f32): void {
  const first = load<f32>(a)
  const second = load<f32>(b)
  store<f32>(outA, first * c - second * s)
  store<f32>(outB, second * c + first * s)
}
