/**
 * 32 columns of x as bytes, x = unit * b with |b| <= 127: shared by byte-product.ts and byte-row.ts.
 *
 * Constants of inner loops come from memory: V8 makes those in the code anew for every use, with three instructions each.
 */

/** Columns that share a unit. */
export const block = 32

/** What precedes the address that storeConstants gets: 1 in halves, all bits but the sign, and 1.5 * 2^23. */
export const constantBytes: usize = 16

export function storeConstants(end: usize): void {
  const at = end - constantBytes
  store<u32>(at, 0x00010001)
  store<u32>(at, 0x7fffffff, 4)
  store<f32>(at, 12582912, 8)
}

// @ts-ignore: decorator
@inline
export function onesAt(end: usize): v128 {
  return v128.load32_splat(end - constantBytes)
}

// @ts-ignore: decorator
@inline
export function sizeMaskAt(end: usize): v128 {
  return v128.load32_splat(end - constantBytes, 4)
}

// @ts-ignore: decorator
@inline
export function rounderAt(end: usize): v128 {
  return v128.load32_splat(end - constantBytes, 8)
}

/** The largest magnitude of a block, NaN if one is. Without their signs, floats are ordered as whole numbers are, NaN last. */
// @ts-ignore: decorator
@inline
export function largestOfBlock(x: usize, sizeMask: v128): f32 {
  let even = v128.and(v128.load(x), sizeMask), odd = v128.and(v128.load(x, 16), sizeMask)
  for (let at: usize = 32; at < 128; at += 32) {
    even = i32x4.max_u(even, v128.and(v128.load(x + at), sizeMask))
    odd = i32x4.max_u(odd, v128.and(v128.load(x + at, 16), sizeMask))
  }
  const tops = i32x4.max_u(even, odd)
  const pairs = i32x4.max_u(tops, v128.shuffle<i32>(tops, tops, 2, 3, 0, 1))
  return f32x4.extract_lane(i32x4.max_u(pairs, v128.shuffle<i32>(pairs, pairs, 1, 0, 3, 2)), 0)
}

/** 16 columns as bytes. */
// @ts-ignore: decorator
@inline
export function bytesOf(x: usize, perUnit: v128, rounder: v128): v128 {
  const low = i16x8.narrow_i32x4_s(rounded(v128.load(x), perUnit, rounder), rounded(v128.load(x, 16), perUnit, rounder))
  const high = i16x8.narrow_i32x4_s(rounded(v128.load(x, 32), perUnit, rounder), rounded(v128.load(x, 48), perUnit, rounder))
  return i8x16.narrow_i16x8_s(low, high)
}

/** x * perUnit as the nearest whole number, of a size below 2^22: adding 1.5 * 2^23 rounds, and leaves it in the lower bits. */
// @ts-ignore: decorator
@inline
function rounded(x: v128, perUnit: v128, rounder: v128): v128 {
  return i32x4.sub(f32x4.add(f32x4.mul(x, perUnit), rounder), rounder)
}

/** The sum of 32 bytes. */
// @ts-ignore: decorator
@inline
export function sumOfBytes(first: v128, second: v128, ones: v128): i32 {
  const pairs = i16x8.add(i16x8.extadd_pairwise_i8x16_s(first), i16x8.extadd_pairwise_i8x16_s(second))
  const fours = i32x4.dot_i16x8_s(pairs, ones)
  const halves = i32x4.add(fours, v128.shuffle<i32>(fours, fours, 2, 3, 0, 1))
  return i32x4.extract_lane(halves, 0) + i32x4.extract_lane(halves, 1)
}
