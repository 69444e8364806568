/**
 * Matrices in 8 or 4 bits: symmetric, one scale for each group of columns (inputs) of each row (output). The layout is the one that
 * the tensor package multiplies by without unpacking (its KERNELS.md, QuantizedLinear).
 *
 *   W[o,d] ~ q[o,d] * scale[o, floor(d / group)]      q in -127 .. 127 or -7 .. 7
 *
 *   values  int32 [O, ceil(D * bits / 32)]   column d is byte d mod 4 of word floor(d / 4), or nibble d mod 8 of word floor(d / 8);
 *                                            low bits first, two's complement; rows end in zeros
 *   scales  f16 [O, G], G = ceil(D / group)
 */
import { ArgumentError } from '@casa-js/base'
import { f16FromFloat32, float32FromF16 } from '../safetensors/half.ts'

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
 * Rows [O,D] of a matrix. No weight moves by more than half its group's scale.
 * @throws ArgumentError if a value is not finite, or too large for scales of 16 bits.
 */
export function quantizeRows(weight: Float32Array, inputs: number, form: QuantizedForm): QuantizedRows {
  const { bits, group } = form
  const outputs = inputs === 0 ? 0 : weight.length / inputs
  const words = wordsPerRow(inputs, form)
  const groups = groupsPerRow(inputs, form)
  const values = new Int32Array(outputs * words)
  const scales = scalesOf(weight, inputs, outputs, form)
  const scaleValues = float32FromF16(scales)
  const mask = 2 ** bits - 1
  const perWord = 32 / bits
  for (let o = 0; o < outputs; o++) {
    for (let d = 0; d < inputs; d++) {
      const scale = scaleValues[o * groups + Math.floor(d / group)]!
      if (scale === 0) continue
      const q = Math.round(weight[o * inputs + d]! / scale) & mask
      values[o * words + Math.floor(d / perWord)]! |= q << (bits * (d % perWord))
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

/** The smallest f16 scales that are no smaller than max |w| / most, so that no weight has to be clamped. */
function scalesOf(weight: Float32Array, inputs: number, outputs: number, form: QuantizedForm): Uint16Array {
  const most = form.bits === 8 ? 127 : 7
  const groups = groupsPerRow(inputs, form)
  const wanted = new Float32Array(outputs * groups)
  for (let i = 0; i < wanted.length; i++) {
    const row = Math.floor(i / groups) * inputs
    const begin = row + (i % groups) * form.group
    const end = Math.min(begin + form.group, row + inputs)
    for (let at = begin; at < end; at++) {
      const size = Math.abs(weight[at]!)
      if (!(size < Infinity)) throw new ArgumentError(`the weight holds ${weight[at]}`)
      if (size > wanted[i]!) wanted[i] = size
    }
  }
  const scales = f16FromFloat32(wanted.map((top) => top / most))
  const rounded = float32FromF16(scales)
  for (let i = 0; i < scales.length; i++) {
    // The next f16 has the next bit pattern.
    if (rounded[i]! * most < wanted[i]!) scales[i]!++
    if (scales[i]! >= 0x7c00) throw new ArgumentError(`a weight of ${wanted[i]} is too large for scales of 16 bits`)
  }
  return scales
}
