/** 16-bit floats two to a word, and copies of rows. */

/** bf16: each half word is the upper half of a float32. */
export function unpackBf16(packed: usize, values: usize, size: i32): void {
  let i = 0
  for (; i + 8 <= size; i += 8) {
    const halves = v128.load(packed + (<usize>i << 1))
    v128.store(values + (<usize>i << 2), i32x4.shl(i32x4.extend_low_i16x8_u(halves), 16))
    v128.store(values + (<usize>i << 2), i32x4.shl(i32x4.extend_high_i16x8_u(halves), 16), 16)
  }
  for (; i < size; i++) store<u32>(values + (<usize>i << 2), <u32>load<u16>(packed + (<usize>i << 1)) << 16)
}

/** IEEE half precision. */
export function unpackF16(packed: usize, values: usize, size: i32): void {
  let i = 0
  for (; i + 8 <= size; i += 8) {
    const halves = v128.load(packed + (<usize>i << 1))
    v128.store(values + (<usize>i << 2), halves4(i32x4.extend_low_i16x8_u(halves)))
    v128.store(values + (<usize>i << 2), halves4(i32x4.extend_high_i16x8_u(halves)), 16)
  }
  for (; i < size; i++) store<f32>(values + (<usize>i << 2), f32x4.extract_lane(halves4(i32x4.splat(load<u16>(packed + (<usize>i << 1)))), 0))
}

/** The finite half-precision number stored at an address: scales of packed weights. */
// @ts-ignore: decorator
@inline
export function finiteHalfAt(at: usize): f32 {
  const bits = <u32>load<u16>(at)
  return reinterpret<f32>(((bits & 0x8000) << 16) | ((bits & 0x7fff) << 13)) * reinterpret<f32>(239 << 23)
}

/**
 * Half-precision bits, one a lane, to floats. Moved into a float's fields they are 2^112 too small, subnormals included;
 * an exponent of ones must stay one (infinity, NaN).
 */
// @ts-ignore: decorator
@inline
function halves4(bits: v128): v128 {
  const size = i32x4.shl(v128.and(bits, i32x4.splat(0x7fff)), 13)
  const finite = f32x4.mul(size, f32x4.splat(reinterpret<f32>(239 << 23)))
  const special = v128.and(i32x4.ge_s(size, i32x4.splat(0x0f800000)), i32x4.splat(0x7f800000))
  const sign = i32x4.shl(v128.and(bits, i32x4.splat(0x8000)), 16)
  return v128.or(v128.or(finite, special), sign)
}

/** Copy `bytes` that do not overlap. */
export function copyBytes(from: usize, to: usize, bytes: i32): void {
  memory.copy(to, from, <usize>bytes)
}

/** `count` blocks of `bytes`, `stride` apart, one after the other. */
export function copyBlocks(from: usize, to: usize, count: i32, bytes: i32, stride: i32): void {
  for (let i = 0; i < count; i++) {
    if (bytes == 4) store<u32>(to, load<u32>(from))
    else memory.copy(to, from, <usize>bytes)
    from += <usize>stride
    to += <usize>bytes
  }
}
