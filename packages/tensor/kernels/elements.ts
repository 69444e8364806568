/** Element types of matrices in memory, and how they become float32. Kernels take them as type parameters, resolved at compile time. */

/** The upper half of a float. It and F16 are bits in 16-bit words; that they differ in sign is how they are told apart. */
export type Bf16 = u16
/** IEEE half precision. */
export type F16 = i16
/** Not elements: the address is that of a description of a compressed matrix (compressed.ts). */
export type Compressed = u8

/** Four elements. */
// @ts-ignore: decorator
@inline
export function four<T>(at: usize): v128 {
  if (isFloat<T>()) return v128.load(at)
  return widened<T>(v128.load16x4_u(at))
}

// @ts-ignore: decorator
@inline
export function one<T>(at: usize): f32 {
  if (isFloat<T>()) return load<f32>(at)
  return f32x4.extract_lane(widened<T>(i32x4.splat(load<u16>(at))), 0)
}

/** 16-bit floats, one in the low half of each lane, widened to float32. */
// @ts-ignore: decorator
@inline
function widened<T>(bits: v128): v128 {
  if (isSigned<T>()) return halves4(bits)
  return i32x4.shl(bits, 16)
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
