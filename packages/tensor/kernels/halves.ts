/** 16-bit floats, two per word, and copies of rows. */
import { Bf16, F16, four, one } from './elements'

export function widenBf16(halves: usize, values: usize, size: i32): void {
  widen<Bf16>(halves, values, size)
}

export function widenF16(halves: usize, values: usize, size: i32): void {
  widen<F16>(halves, values, size)
}

function widen<T>(halves: usize, values: usize, size: i32): void {
  for (; size >= 8; size -= 8) {
    v128.store(values, four<T>(halves))
    v128.store(values, four<T>(halves + 8), 16)
    halves += 16
    values += 32
  }
  for (; size > 0; size--) {
    store<f32>(values, one<T>(halves))
    halves += 2
    values += 4
  }
}

/** The finite half-precision number stored at an address: scales of compressed weights. */
// @ts-ignore: decorator
@inline
export function finiteHalfAt(at: usize): f32 {
  const bits = <u32>load<u16>(at)
  return reinterpret<f32>(((bits & 0x8000) << 16) | ((bits & 0x7fff) << 13)) * reinterpret<f32>(239 << 23)
}

/** Four of them, in the low halves of the lanes. */
// @ts-ignore: decorator
@inline
export function finiteHalves(bits: v128): v128 {
  return upperHalves(i32x4.shl(bits, 16), i32x4.splat(halfMask), f32x4.splat(halfFactor))
}

/** Four of them, in the upper halves of the lanes. `mask` and `factor` are the constants below, so that a loop can load them once. */
// @ts-ignore: decorator
@inline
export function upperHalves(bits: v128, mask: v128, factor: v128): v128 {
  // The sign stays, the exponent moves to its lower five bits; what an arithmetic shift brings between them is cleared.
  return f32x4.mul(v128.and(i32x4.shr_s(bits, 3), mask), factor)
}

export const halfMask: i32 = 0x8fffe000
/** 2^112: the difference of the exponents' offsets. */
export const halfFactor: f32 = reinterpret<f32>(239 << 23)

/** `count` blocks of `bytes`, `stride` apart, one after the other. */
export function copyBlocks(from: usize, to: usize, count: i32, bytes: i32, stride: i32): void {
  for (let i = 0; i < count; i++) {
    if (bytes == 4) store<u32>(to, load<u32>(from))
    else memory.copy(to, from, <usize>bytes)
    from += <usize>stride
    to += <usize>bytes
  }
}
