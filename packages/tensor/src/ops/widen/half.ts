/** IEEE half precision on the host, for which Node 20 has no typed array. Bits are the low 16 of a number. */

/** Value of half-precision bits, with subnormals, infinities and NaN. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** Nearest half to a number, ties to even; beyond 65,520 infinity. */
export function floatToHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const size = Math.abs(value)
  if (Number.isNaN(size)) return 0x7e00
  if (size >= 65520) return sign | 0x7c00
  // A step is 2^-24 for subnormals and the last place of the fraction otherwise; both make one run of bit patterns.
  const exponent = Math.max(-14, Math.floor(Math.log2(size)))
  const steps = roundToEven(size / 2 ** (exponent - 10))
  return sign | (((exponent + 14) << 10) + steps)
}

function roundToEven(x: number): number {
  const floor = Math.floor(x)
  const rest = x - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
}

/** Two 16-bit patterns a word, the first in the low half; an odd last word is filled with zero. */
export function joinHalves(bits: ArrayLike<number>): Int32Array {
  const words = new Int32Array(Math.ceil(bits.length / 2))
  for (let i = 0; i < bits.length; i++) words[i >> 1]! |= (bits[i]! & 0xffff) << (16 * (i & 1))
  return words
}
