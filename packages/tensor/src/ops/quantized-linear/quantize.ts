/**
 * Weights in 8 or 4 bits, on the host: symmetric, one scale for each group of columns of each row (output).
 *
 *   W[o,d] = q[o,d] * scale[o, floor(d / group)]        q in -127 .. 127 or -7 .. 7
 *
 *   values  int32 [O, ceil(D * bits / 32)]   column d of int8 is byte d mod 4 of word floor(d / 4), of int4 nibble d mod 8 of
 *                                            word floor(d / 8), low bits first, two's complement; rows end in zeros
 *   scales  int32 [ceil(O * G / 2)]          f16 over [O, G], G = ceil(D / group), two to a word, low half first
 */
import { ArgumentError } from '@casa-js/base'
import { floatToHalf, halfToFloat, joinHalves } from '../widen/half.ts'

export interface QuantizationOptions {
  bits: 8 | 4
  /** Columns that share a scale: a multiple of 32. */
  group?: number
}

export interface QuantizedMatrix {
  values: Int32Array
  scales: Int32Array
  /** O */
  outputs: number
  /** D */
  inputs: number
  bits: 8 | 4
  group: number
}

const largest = { 8: 127, 4: 7 }

/**
 * Quantise a matrix [O,D], row-major. No weight moves by more than half its group's scale.
 * @throws ArgumentError if a value is not finite or too large for scales of 16 bits, or the group is not a multiple of 32.
 */
export function quantize(
  weight: Float32Array,
  [outputs, inputs]: [outputs: number, inputs: number],
  { bits, group = 32 }: QuantizationOptions,
): QuantizedMatrix {
  if (weight.length !== outputs * inputs)
    throw new ArgumentError(`quantize: ${weight.length} values are not [${outputs},${inputs}]`)
  if (!(group > 0) || group % 32 !== 0) throw new ArgumentError(`quantize: group must be a multiple of 32, got ${group}`)
  const words = Math.ceil((inputs * bits) / 32)
  const groups = Math.ceil(inputs / group)
  const values = new Int32Array(outputs * words)
  const scales = new Uint16Array(outputs * groups)
  const perWord = 32 / bits
  for (let o = 0; o < outputs; o++) {
    for (let g = 0; g < groups; g++) {
      const begin = g * group
      const end = Math.min(begin + group, inputs)
      scales[o * groups + g] = scaleFor(weight.subarray(o * inputs + begin, o * inputs + end), largest[bits])
      const scale = halfToFloat(scales[o * groups + g]!)
      for (let d = begin; d < end && scale > 0; d++) {
        const q = Math.round(weight[o * inputs + d]! / scale) & (2 ** bits - 1)
        values[o * words + Math.floor(d / perWord)]! |= q << (bits * (d % perWord))
      }
    }
  }
  return { values, scales: joinHalves(scales), outputs, inputs, bits, group }
}

/** Bits of the smallest half that is no smaller than max |w| / largest, so that no weight has to be clamped. */
function scaleFor(weights: Float32Array, most: number): number {
  let top = 0
  for (const w of weights) {
    if (!Number.isFinite(w)) throw new ArgumentError(`quantize: the weight holds ${w}`)
    top = Math.max(top, Math.abs(w))
  }
  const nearest = floatToHalf(top / most)
  const bits = halfToFloat(nearest) * most < top ? nearest + 1 : nearest
  if (bits >= 0x7c00) throw new ArgumentError(`quantize: a weight of ${top} is too large for scales of 16 bits`)
  return bits
}

/** The matrix [O,D] that quantised values stand for. */
export function dequantize({ values, scales, outputs, inputs, bits, group }: QuantizedMatrix): Float32Array {
  const words = Math.ceil((inputs * bits) / 32)
  const groups = Math.ceil(inputs / group)
  const perWord = 32 / bits
  const weight = new Float32Array(outputs * inputs)
  for (let o = 0; o < outputs; o++) {
    for (let d = 0; d < inputs; d++) {
      const word = values[o * words + Math.floor(d / perWord)]!
      const q = (word << (32 - bits * ((d % perWord) + 1))) >> (32 - bits)
      const at = o * groups + Math.floor(d / group)
      weight[o * inputs + d] = q * halfToFloat((scales[at >> 1]! >>> (16 * (at & 1))) & 0xffff)
    }
  }
  return weight
}
