/**
 * Weights in 8 or 4 bits, on the host: one scale for each group of columns of each row (output).
 *
 *   W[o,d] = q[o,d] * scale[o, floor(d / group)]        q in -127 .. 127 or -8 .. 7
 *
 *   values  int32 [O, ceil(D * bits / 32)]   column d of int8 is byte d mod 4 of word floor(d / 4), of int4 nibble d mod 8 of
 *                                            word floor(d / 8), low bits first, two's complement; rows end in zeros
 *   scales  int32 [ceil(O * G / 2)]          f16 over [O, G], G = ceil(D / group), two to a word, low half first
 */
import { ArgumentError } from '@casa-js/base'
import { dequantizeRows, groupsPerRow, joinHalves, quantizeRows } from '@casa-js/base/internal'

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

/**
 * Quantise a matrix [O,D], row-major; `quantizeRows` of @casa-js/base says how.
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
  const { values, scales } = quantizeRows(weight, inputs, { bits, group })
  return { values, scales: joinHalves(scales), outputs, inputs, bits, group }
}

/** The matrix [O,D] that quantised values stand for. */
export function dequantize({ values, scales, outputs, inputs, bits, group }: QuantizedMatrix): Float32Array {
  const form = { bits, group }
  const halves = new Uint16Array(scales.buffer, scales.byteOffset, outputs * groupsPerRow(inputs, form))
  return dequantizeRows({ values, scales: halves }, inputs, form)
}
