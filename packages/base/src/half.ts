/**
 * 16-bit floats. bf16 is the upper half of a float32; f16 is IEEE binary16. Both roundings are to nearest, ties to even, as
 * PyTorch's `.to(dtype)`; NaN stays NaN and overflow becomes infinity.
 */

/** The float32 values of bfloat16 bits, one for one; exact. */
export function float32FromBf16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length)
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16
  return new Float32Array(bits.buffer)
}

/** The float32 values of IEEE half-precision bits, one for one; exact, subnormals included. */
export function float32FromF16(halves: Uint16Array): Float32Array {
  const table = f16Table()
  const values = new Float32Array(halves.length)
  for (let i = 0; i < halves.length; i++) values[i] = table[halves[i]!]!
  return values
}

/** The bfloat16 bits nearest to each float32 value, ties to even; NaN stays NaN. */
export function bf16FromFloat32(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const halves = new Uint16Array(values.length)
  for (let i = 0; i < bits.length; i++) {
    const x = bits[i]!
    const isNan = (x & 0x7fffffff) > 0x7f800000
    halves[i] = isNan ? (x >>> 16) | 0x40 : (x + 0x7fff + ((x >>> 16) & 1)) >>> 16
  }
  return halves
}

/** The IEEE half-precision bits nearest to each float32 value, ties to even; overflow becomes infinity, NaN stays NaN. */
export function f16FromFloat32(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const halves = new Uint16Array(values.length)
  for (let i = 0; i < bits.length; i++) halves[i] = f16FromBits(bits[i]!)
  return halves
}

function f16FromBits(x: number): number {
  const sign = (x >>> 16) & 0x8000
  const magnitude = x & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  // 65520 and up round to infinity: half a step above the largest f16.
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  // 2^-14, the smallest normal: move the exponent's bias from 127 to 15, then round away the lower 13 bits.
  if (magnitude >= 0x38800000) return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
  // Subnormal: shift the 24-bit mantissa to units of 2^-24. Below 2^-25 nothing is left.
  if (magnitude < 0x33000000) return sign
  const shift = 126 - (magnitude >>> 23)
  const mantissa = (magnitude & 0x7fffff) | 0x800000
  const half = 1 << (shift - 1)
  return sign | ((mantissa + half - 1 + ((mantissa >>> shift) & 1)) >>> shift)
}

let table: Float32Array | undefined

/** Every f16 as float32, 256 KB, built when first needed. */
function f16Table(): Float32Array {
  if (table) return table
  table = new Float32Array(65536)
  for (let h = 0; h < 65536; h++) {
    const exponent = (h >>> 10) & 31
    const fraction = h & 1023
    const magnitude =
      exponent === 31
        ? fraction
          ? NaN
          : Infinity
        : exponent === 0
          ? fraction * 2 ** -24
          : (1 + fraction / 1024) * 2 ** (exponent - 15)
    table[h] = h & 0x8000 ? -magnitude : magnitude
  }
  return table
}

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

/** Packs two 16-bit patterns per 32-bit word, the first in the low half; an odd count is padded with zero. */
export function joinHalves(bits: ArrayLike<number>): Int32Array {
  const words = new Int32Array(Math.ceil(bits.length / 2))
  for (let i = 0; i < bits.length; i++) words[i >> 1]! |= (bits[i]! & 0xffff) << (16 * (i & 1))
  return words
}
