/** Vector arithmetic that every kernel shares: four floats at a time. */

/** a * b + c; fused where the build may use relaxed SIMD. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(f32x4.mul(a, b), c)
}

// @ts-ignore: decorator
@inline
export function sumOfLanes(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1))
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1)
}

// @ts-ignore: decorator
@inline
export function maxOfLanes(x: v128): f32 {
  const pairs = f32x4.max(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1))
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1))
}

/** The four sums of lanes of a, b, c, d, as one vector. */
// @ts-ignore: decorator
@inline
export function sumsOfLanes(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7)) // a b a b
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7))
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7))
}

/**
 * e^x to 2 units in the last place; x is clamped to the range in which the result is a normal float.
 * x = n ln 2 + r, |r| <= ln 2 / 2; e^r by the polynomial of Cephes' expf. Adding 1.5 * 2^23 rounds to a whole number and leaves n
 * in the lowest bits, from where it is shifted into the exponent.
 */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  // pmin and pmax are one instruction each, where min and max first order zeros and NaN.
  x = f32x4.pmax(f32x4.pmin(x, f32x4.splat(88.376)), f32x4.splat(-87.336))
  const rounder = f32x4.splat(12582912)
  const shifted = madd(x, f32x4.splat(1.44269504088896341), rounder)
  const n = f32x4.sub(shifted, rounder)
  // ln 2 in two parts, the first short enough that n times it is exact.
  const r = madd(n, f32x4.splat(2.12194440e-4), madd(n, f32x4.splat(-0.693359375), x))
  let p = madd(f32x4.splat(1.9875691500e-4), r, f32x4.splat(1.3981999507e-3))
  p = madd(p, r, f32x4.splat(8.3334519073e-3))
  p = madd(p, r, f32x4.splat(4.1665795894e-2))
  p = madd(p, r, f32x4.splat(1.6666665459e-1))
  p = madd(p, r, f32x4.splat(5.0000001201e-1))
  p = madd(p, f32x4.mul(r, r), f32x4.add(r, f32x4.splat(1)))
  return f32x4.mul(p, i32x4.add(i32x4.shl(shifted, 23), i32x4.splat(127 << 23)))
}

// @ts-ignore: decorator
@inline
export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0)
}

/** ln x for a normal positive x: Cephes' logf. (Mathf.log reads a table, which needs static data.) */
export function log1(x: f32): f32 {
  const bits = reinterpret<i32>(x)
  let exponent = <f32>((bits >> 23) - 126)
  let m = reinterpret<f32>((bits & 0x007fffff) | 0x3f000000) // [0.5, 1)
  if (m < 0.707106781186547524) {
    exponent -= 1
    m = m + m - 1
  } else {
    m = m - 1
  }
  const z = m * m
  let p: f32 = 7.0376836292e-2
  p = p * m - 1.1514610310e-1
  p = p * m + 1.1676998740e-1
  p = p * m - 1.2420140846e-1
  p = p * m + 1.4249322787e-1
  p = p * m - 1.6668057665e-1
  p = p * m + 2.0000714765e-1
  p = p * m - 2.4999993993e-1
  p = p * m + 3.3333331174e-1
  return m + (p * m * z - 2.12194440e-4 * exponent - 0.5 * z) + 0.693359375 * exponent
}
