/**
 * Resizing, bit for bit as Pillow's `Image.resize` does it (src/libImaging/Resample.c): a separable, antialiased filter in 8-bit
 * fixed point, rounded to bytes between the passes. The order of the passes affects rounding, so it follows Pillow up to 12, with which
 * today's encoders were trained: the horizontal pass comes first, unless an image more than 100 times as tall as wide is made less
 * tall. Pillow 13 starts with the cheaper pass, and up to a fifth of the bytes round differently.
 */
import type { RgbImage } from '@casa-js/core'
import { checkImage } from './decode.ts'
import { ImageError } from './errors.ts'

export type ResizeFilter = 'bicubic' | 'bilinear'

/** Fraction bits of a weight: 32, less 8 for the sample and 2 for negative lobes and overshoot. */
const precisionBits = 32 - 8 - 2
/** Pillow's Image.resize shrinks the height first when it is more than this many times the width. */
const columnsFirstRatio = 100
const half = 1 << (precisionBits - 1)

const filters: Record<ResizeFilter, { support: number; weight(x: number): number }> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  /** Keys' cubic with a = -0.5. */
  bicubic: {
    support: 2,
    weight(distance) {
      const x = Math.abs(distance)
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1
      if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2
      return 0
    },
  },
}

/** The input samples of each output sample i: `taps` consecutive weights from sample `first[i]`; unused ones are 0. */
interface Weights {
  taps: number
  first: Int32Array
  count: Int32Array
  values: Int32Array
}

/**
 * Resize to `widthPx` x `heightPx`. Returns the image itself if it already has that size.
 * @throws ImageError when a side is not a positive integer.
 */
export function resize(image: RgbImage, widthPx: number, heightPx: number, filter: ResizeFilter = 'bicubic'): RgbImage {
  checkImage(image)
  if (!(Number.isInteger(widthPx) && Number.isInteger(heightPx) && widthPx > 0 && heightPx > 0)) {
    throw new ImageError(`resize: the target is ${widthPx} x ${heightPx} pixels; both sides must be integers of at least 1`)
  }
  const toWidth = (from: RgbImage) => (widthPx === from.widthPx ? from : resizeRows(from, widthPx, filter))
  const toHeight = (from: RgbImage) => (heightPx === from.heightPx ? from : resizeColumns(from, heightPx, filter))
  const columnsFirst = image.heightPx > columnsFirstRatio * image.widthPx && heightPx < image.heightPx
  return columnsFirst ? toWidth(toHeight(image)) : toHeight(toWidth(image))
}

function computeWeights(from: number, to: number, filter: ResizeFilter): Weights {
  const { support: reach, weight } = filters[filter]
  const scale = from / to
  // When shrinking, the filter is widened to cover all input samples of one output sample.
  const stretch = Math.max(scale, 1)
  const support = reach * stretch
  const taps = Math.ceil(support) * 2 + 1
  const first = new Int32Array(to)
  const count = new Int32Array(to)
  const values = new Int32Array(to * taps)
  const exact = new Float64Array(taps)
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale
    const start = Math.max(0, Math.trunc(center - support + 0.5))
    const size = Math.min(from, Math.trunc(center + support + 0.5)) - start
    let total = 0
    for (let t = 0; t < size; t++) total += exact[t] = weight((t + start - center + 0.5) * (1 / stretch))
    for (let t = 0; t < size; t++) {
      const share = (total === 0 ? exact[t]! : exact[t]! / total) * (1 << precisionBits)
      values[i * taps + t] = Math.trunc(share < 0 ? share - 0.5 : share + 0.5)
    }
    first[i] = start
    count[i] = size
  }
  return { taps, first, count, values }
}

function resizeRows({ data, widthPx, heightPx }: RgbImage, toPx: number, filter: ResizeFilter): RgbImage {
  const { taps, first, count, values } = computeWeights(widthPx, toPx, filter)
  const out = new Uint8ClampedArray(toPx * heightPx * 3)
  for (let y = 0, to = 0; y < heightPx; y++) {
    for (let x = 0; x < toPx; x++, to += 3) {
      let red = half
      let green = half
      let blue = half
      let from = (y * widthPx + first[x]!) * 3
      const end = x * taps + count[x]!
      for (let t = x * taps; t < end; t++, from += 3) {
        const weight = values[t]!
        red = (red + Math.imul(data[from]!, weight)) | 0
        green = (green + Math.imul(data[from + 1]!, weight)) | 0
        blue = (blue + Math.imul(data[from + 2]!, weight)) | 0
      }
      out[to] = red >> precisionBits
      out[to + 1] = green >> precisionBits
      out[to + 2] = blue >> precisionBits
    }
  }
  return { widthPx: toPx, heightPx, data: new Uint8Array(out.buffer) }
}

function resizeColumns({ data, widthPx, heightPx }: RgbImage, toPx: number, filter: ResizeFilter): RgbImage {
  const { taps, first, count, values } = computeWeights(heightPx, toPx, filter)
  const rowBytes = widthPx * 3
  const out = new Uint8ClampedArray(rowBytes * toPx)
  for (let y = 0, to = 0; y < toPx; y++) {
    const top = first[y]! * rowBytes
    const begin = y * taps
    const end = begin + count[y]!
    for (let i = 0; i < rowBytes; i++, to++) {
      let sum = half
      for (let t = begin, from = top + i; t < end; t++, from += rowBytes) sum = (sum + Math.imul(data[from]!, values[t]!)) | 0
      out[to] = sum >> precisionBits
    }
  }
  return { widthPx, heightPx: toPx, data: new Uint8Array(out.buffer) }
}
