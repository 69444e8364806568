/**
 * Splits work on tensors larger than one binding: cuts axes into pieces, and gives the range of each tensor that a piece needs.
 */
import type * as tf from '@tensorflow/tfjs-core'

/** `length` elements of a tensor from `begin`, which must be a multiple of `rangeAlignment`. */
export interface TensorRange {
  tensor: tf.TensorInfo
  begin: number
  length: number
}
/** Bindings start at multiples of 256 bytes: 64 elements. */
export const rangeAlignment = 64

export interface Cut {
  begin: number
  count: number
}

/**
 * Cut an axis so that bindings of `most` elements hold each piece, at `perStep` elements per step, and every piece starts
 * an aligned range in all of them.
 * @param unit pieces are multiples of it, a power of two
 */
export function cutAxis(extent: number, perStep: number[], most: number, unit = 1): Cut[] {
  const steps = Math.floor(most / Math.max(...perStep))
  if (extent <= steps) return [{ begin: 0, count: extent }]
  const multiple = Math.max(unit, ...perStep.map(alignedSteps))
  return pieces(extent, Math.max(multiple, steps - (steps % multiple)))
}

/**
 * Values first .. first + count - 1 of a tensor as a range, and which of the range's values is the first of them.
 * @param perWord values in an element of 32 bits
 */
export function rangeFrom(
  tensor: tf.TensorInfo,
  first: number,
  count: number,
  perWord = 1,
): { range: TensorRange; offset: number } {
  if (count === 0) return { range: { tensor, begin: 0, length: 0 }, offset: 0 }
  const offset = first % (rangeAlignment * perWord)
  return { range: { tensor, begin: (first - offset) / perWord, length: Math.ceil((offset + count) / perWord) }, offset }
}

/** An axis in pieces of `step`, the last one shorter. */
export function pieces(extent: number, step: number): Cut[] {
  const begins = Array.from({ length: Math.ceil(extent / step) }, (_, i) => i * step)
  return begins.map((begin) => ({ begin, count: Math.min(step, extent - begin) }))
}

/** The fewest steps of this many elements after which an aligned range may begin: a power of two. */
function alignedSteps(elements: number): number {
  let steps = rangeAlignment
  while (steps > 1 && ((steps / 2) * elements) % rangeAlignment === 0) steps /= 2
  return steps
}
