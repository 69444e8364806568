/** Rows of GGUF's blocks (blocks.ts) widened to float32, with the rounding of the Python package gguf. */
import { Q4_1, Q4_K } from './blocks'
import { finiteHalfAt } from './halves'

/** Columns begin .. end - 1 of a row, whole blocks. */
export function widenBlocks(row: usize, to: usize, begin: i32, end: i32, format: i32): void {
  if (format == Q4_1) {
    for (let d = begin; d < end; d += 32, to += 128) widenQ41(row + <usize>(d / 32) * 20, to)
  } else if (format == Q4_K) {
    for (let d = begin; d < end; d += 256, to += 1024) widenQ4K(row + <usize>(d / 256) * 144, to)
  } else {
    for (let d = begin; d < end; d += 256, to += 1024) widenQ6K(row + <usize>(d / 256) * 210, to)
  }
}

function widenQ41(at: usize, to: usize): void {
  const d = f32x4.splat(finiteHalfAt(at)), m = f32x4.splat(finiteHalfAt(at + 2))
  const bytes = v128.load(at, 4)
  storeAffine(v128.and(bytes, i8x16.splat(15)), d, m, to)
  storeAffine(i8x16.shr_u(bytes, 4), d, m, to + 64)
}

function widenQ4K(at: usize, to: usize): void {
  for (let group = 0; group < 8; group++) {
    const steps = f32x4.splat(scaleOfQ4K(at, group)), bases = f32x4.splat(leastOfQ4K(at, group))
    const nibbles = at + 16 + (<usize>(group >> 1) << 5)
    for (let half: usize = 0; half < 2; half++) {
      const bytes = v128.load(nibbles + (half << 4))
      storeAffine(group & 1 ? i8x16.shr_u(bytes, 4) : v128.and(bytes, i8x16.splat(15)), steps, bases, to)
      to += 64
    }
  }
}

/** Of a group (0 .. 7) of a block of Q4_K: what a nibble counts. */
// @ts-ignore: decorator
@inline
export function scaleOfQ4K(at: usize, group: i32): f32 {
  const from = at + 4 + <usize>(group & 3)
  const low = <i32>load<u8>(from), top = <i32>load<u8>(from, 8)
  return finiteHalfAt(at) * <f32>(group < 4 ? low & 63 : (top & 15) | ((low >> 2) & 48))
}

/** And what nibble 0 stands for. */
// @ts-ignore: decorator
@inline
export function leastOfQ4K(at: usize, group: i32): f32 {
  const from = at + 4 + <usize>(group & 3)
  const mid = <i32>load<u8>(from, 4), top = <i32>load<u8>(from, 8)
  return -(finiteHalfAt(at + 2) * <f32>(group < 4 ? mid & 63 : (top >> 4) | ((mid >> 2) & 48)))
}

function widenQ6K(at: usize, to: usize): void {
  const d = finiteHalfAt(at + 208)
  const zero = f32x4.splat(0)
  for (let i = 0; i < 16; i++) {
    // 16 columns: half of the block, quarter of the half, half of the quarter.
    const quarter = (i >> 1) & 3
    const low = v128.load(at + <usize>(((i >> 3) << 6) + ((quarter & 1) << 5) + ((i & 1) << 4)))
    const bits = v128.load(at + 128 + <usize>(((i >> 3) << 5) + ((i & 1) << 4)))
    const nibbles = quarter >> 1 ? i8x16.shr_u(low, 4) : v128.and(low, i8x16.splat(15))
    const upper = i8x16.shl(v128.and(i8x16.shr_u(bits, 2 * quarter), i8x16.splat(3)), 4)
    storeAffine(i8x16.sub(v128.or(nibbles, upper), i8x16.splat(32)), f32x4.splat(d * <f32>load<i8>(at + 192 + <usize>i)), zero, to)
    to += 64
  }
}

/** 16 signed bytes q as floats: factor * q, rounded, + offset. */
// @ts-ignore: decorator
@inline
function storeAffine(q: v128, factor: v128, offset: v128, to: usize): void {
  const low = i16x8.extend_low_i8x16_s(q), high = i16x8.extend_high_i8x16_s(q)
  v128.store(to, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low)), factor), offset))
  v128.store(to, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low)), factor), offset), 16)
  v128.store(to, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high)), factor), offset), 32)
  v128.store(to, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high)), factor), offset), 48)
}
