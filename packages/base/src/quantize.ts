/**
 * Matrices in 8 or 4 bits, one scale for each group of columns (inputs) of each row (output). The tensor package multiplies by them as
 * they are (its KERNELS.md, QuantizedLinear), the weights package stores them.
 *
 *   W[o,d] ~ q[o,d] * scale[o, floor(d / group)]      q in -127 .. 127 or -8 .. 7
 *
 *   values  int32 [O, ceil(D * bits / 32)]   column d is byte d mod 4 of word floor(d / 4), or nibble d mod 8 of word floor(d / 8);
 *                                            low bits first, two's complement; rows end in zeros
 *   scales  f16 [O, G], G = ceil(D / group)  of 4 bits they may be negative
 */
import { ArgumentError } from './errors.ts'
import { float32FromF16, floatToHalf, halfToFloat } from './half.ts'

export interface QuantizedForm {
  bits: 8 | 4
  /** Columns that share a scale: a multiple of 32. */
  group: number
}

export interface QuantizedRows {
  /** [O, words] */
  values: Int32Array
  /** f16 [O, G] */
  scales: Uint16Array
}

/** int32 words of a row of D columns. */
export function wordsPerRow(inputs: number, { bits }: QuantizedForm): number {
  return Math.ceil((inputs * bits) / 32)
}

/** Scales of a row of D columns. */
export function groupsPerRow(inputs: number, { group }: QuantizedForm): number {
  return Math.ceil(inputs / group)
}

/**
 * Quantise rows of a matrix. In 8 bits no weight moves by more than half its group's scale. In 4 bits all sixteen levels are used:
 * of several candidate scales, the one with the least squared error is used.
 * @param weight [O,D], row-major
 * @param inputs D
 * @throws ArgumentError if a value is not finite, or too large for scales of 16 bits.
 */
export function quantizeRows(weight: Float32Array, inputs: number, form: QuantizedForm): QuantizedRows {
  const { bits, group } = form
  const outputs = inputs === 0 ? 0 : weight.length / inputs
  const words = wordsPerRow(inputs, form)
  const groups = groupsPerRow(inputs, form)
  const values = new Int32Array(outputs * words)
  const scales = new Uint16Array(outputs * groups)
  const perWord = 32 / bits
  // Low bits first (little-endian): with 8 bits, column d is byte d.
  const bytes = new Int8Array(values.buffer)
  for (let o = 0; o < outputs; o++) {
    for (let g = 0; g < groups; g++) {
      const begin = g * group
      const end = Math.min(begin + group, inputs)
      const top = largest(weight, o * inputs + begin, o * inputs + end)
      const half = bits === 8 ? plainScale(top, 127) : nibbleScale(weight, o * inputs + begin, o * inputs + end, top)
      scales[o * groups + g] = half.bits
      if (half.value === 0) continue
      for (let d = begin; d < end; d++) {
        const q = Math.round(weight[o * inputs + d]! / half.value)
        if (bits === 8) bytes[4 * o * words + d] = q
        else values[o * words + Math.floor(d / perWord)]! |= (nibble(q) & 15) << (4 * (d % perWord))
      }
    }
  }
  return { values, scales }
}

/** Rows [O,D] that quantised values stand for. */
export function dequantizeRows({ values, scales }: QuantizedRows, inputs: number, form: QuantizedForm): Float32Array {
  const { bits, group } = form
  const words = wordsPerRow(inputs, form)
  const groups = groupsPerRow(inputs, form)
  const outputs = words === 0 ? 0 : values.length / words
  const scaleValues = float32FromF16(scales)
  const perWord = 32 / bits
  const weight = new Float32Array(outputs * inputs)
  for (let o = 0; o < outputs; o++) {
    for (let d = 0; d < inputs; d++) {
      const word = values[o * words + Math.floor(d / perWord)]!
      const q = (word << (32 - bits * ((d % perWord) + 1))) >> (32 - bits)
      weight[o * inputs + d] = q * scaleValues[o * groups + Math.floor(d / group)]!
    }
  }
  return weight
}

interface HalfScale {
  bits: number
  value: number
}

/** The smallest f16 that is at least max |w| / most, so that no weight is clamped. */
function plainScale(top: number, most: number): HalfScale {
  const size = Math.abs(top)
  const nearest = toHalf(size / most)
  // The next f16 has the next bit pattern.
  const scale = nearest.value * most < size ? fromBits(nearest.bits + 1) : nearest
  if (Number.isFinite(scale.value)) return scale
  throw new ArgumentError(`a weight of ${top} is too large for scales of 16 bits`)
}

/** Levels tried for the largest weight of a group: -8, or a little inside or beyond it. */
const nibbleSteps = [-8, -7.8, -7.6, -7.4, -7.2, -7, -8.3, -8.6, -9, -9.5, -10]

/**
 * The scale with the least squared error. The largest weight may fall on -8, the level without a counterpart, so that a positive one
 * has a negative scale; a little beyond, clamped there, is often better for the others. Each candidate is improved by least squares.
 */
function nibbleScale(weight: Float32Array, begin: number, end: number, top: number): HalfScale {
  const plain = plainScale(top, 7)
  if (top === 0) return plain
  // With the best scale for given q the error is sum w^2 - (sum w q)^2 / sum q^2.
  let [mostGain, scale] = [-1, 0]
  for (const steps of nibbleSteps) {
    const inverse = steps / top
    let [products, squares] = [0, 0]
    for (let i = begin; i < end; i++) {
      const w = weight[i]!
      // Truncation after an offset that makes it positive rounds to the nearest.
      const level = (w * inverse + 8.5) | 0
      const q = (level < 0 ? 0 : level > 15 ? 15 : level) - 8
      products += w * q
      squares += q * q
    }
    const gain = (products * products) / squares
    if (gain > mostGain) [mostGain, scale] = [gain, products / squares]
  }
  const best = toHalf(scale)
  const isBetter = squaredError(weight, begin, end, best.value) < squaredError(weight, begin, end, plain.value)
  return isBetter ? best : plain
}

function squaredError(weight: Float32Array, begin: number, end: number, scale: number): number {
  let sum = 0
  const inverse = scale === 0 ? 0 : 1 / scale
  for (let i = begin; i < end; i++) sum += (weight[i]! - scale * nibble(weight[i]! * inverse)) ** 2
  return sum
}

function nibble(x: number): number {
  const q = Math.round(x)
  return q < -8 ? -8 : q > 7 ? 7 : q
}

/** The weight with the largest absolute value, with its sign. */
function largest(weight: Float32Array, begin: number, end: number): number {
  let top = 0
  for (let i = begin; i < end; i++) {
    const value = weight[i]!
    if (!Number.isFinite(value)) throw new ArgumentError(`the weight holds ${value}`)
    if (Math.abs(value) > Math.abs(top)) top = value
  }
  return top
}

function toHalf(scale: number): HalfScale {
  return fromBits(floatToHalf(scale))
}

function fromBits(bits: number): HalfScale {
  return { bits, value: halfToFloat(bits) }
}
