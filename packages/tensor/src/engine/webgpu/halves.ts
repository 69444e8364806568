/**
 * Weights in 16-bit floats in WGSL: two per word, the first in the low half.
 *
 * A binding of type f16x4 or bf16x4 is read four values at a time, by `NAME_four(i)`. If the device reads
 * half floats correctly itself (shader-f16, see feature-check.ts), it does; otherwise, and for bf16, their bits are moved into place.
 */
export type HalvesType = 'f16x4' | 'bf16x4'

export const isHalves = (type: string): type is HalvesType => type === 'f16x4' || type === 'bf16x4'

/**
 * WGSL of `widen(bits)`: the bits of the float that 16 bits stand for. Bits in, bits out: infinities, NaN and subnormals are preserved
 * whatever a shader may assume about floats.
 */
export const widen = {
  bf16: 'fn widen(bits: u32) -> u32 { return bits << 16u; }',
  f16: `
fn widen(bits: u32) -> u32 {
  let sign = (bits & 0x8000u) << 16u;
  let exponent = (bits >> 10u) & 31u;
  let fraction = bits & 1023u;
  if (exponent == 31u) { return sign | 0x7f800000u | (fraction << 13u); }
  if (exponent == 0u) { return sign | bitcast<u32>(f32(fraction) * 5.9604645e-8); } // fraction * 2^-24
  return sign | ((exponent + 112u) << 23u) | (fraction << 13u);
}`,
}

/** `widen.f16` by the device's own instruction, once it is proven to keep subnormals, infinities and NaN (feature-check.ts). */
export const widenByUnpacking = `
fn widen(bits: u32) -> u32 { return bitcast<u32>(unpack2x16float(bits).x); }`

/** The array's element type, and the functions that read it. */
export function halfBinding(name: string, type: HalvesType, f16: boolean): { element: string; functions: string } {
  if (type === 'f16x4' && f16) {
    return { element: 'vec4<f16>', functions: `\nfn ${name}_four(i: u32) -> vec4f { return vec4f(${name}[i]); }` }
  }
  const [format, low, high] =
    type === 'bf16x4'
      ? ['', 'words << vec2u(16u)', 'words & vec2u(0xffff0000u)']
      : [widen.f16, wide('words & vec2u(0xffffu)'), wide('words >> vec2u(16u)')]
  const functions = `${format}
fn ${name}_four(i: u32) -> vec4f {
  let words = ${name}[i];
  let low = bitcast<vec2f>(${low});
  let high = bitcast<vec2f>(${high});
  return vec4f(low.x, high.x, low.y, high.y);
}`
  return { element: 'vec2<u32>', functions }
}

const wide = (halves: string): string => `vec2u(widen((${halves}).x), widen((${halves}).y))`
