/**
 * Resizing, bit for bit as Pillow's `Image.resize` does it (src/libImaging/Resample.c): a separable, antialiased filter in 8-bit
 * fixed point, horizontal pass first, rounded to bytes between the passes.
 */
import type { RgbImage } from '@casa-js/core'
import { checkImage } from './decode.ts'
import { ImageError } from './errors.ts'

export type ResizeFilter = 'bicubic' | 'bilinear'

/** Fraction bits of a weight: 32 minus 8 of the sample minus 2 for negative lobes and overshoot. */
const precisionBits = 32 - 8 - 2
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

/** Which samples make one sample of the result: `taps` weights in a row, from sample `first[i]`; the unused ones are 0. */
interface Weights {
  taps: number
  first: Int32Array
  count: Int32Array
  values: Int32Array
}

/**
 * Resize to `widthPx` x `heightPx`. The same size gives back the image itself.
 * @throws ImageError when a side is not an integer of at least 1.
 */
export function resize(image: RgbImage, widthPx: number, heightPx: number, filter: ResizeFilter = 'bicubic'): RgbImage {
  checkImage(image)
  if (!(Number.isInteger(widthPx) && Number.isInteger(heightPx) && widthPx > 0 && heightPx > 0)) {
    throw new ImageError(`resize: the target is ${widthPx} x ${heightPx} pixels; both sides must be integers of at least 1`)
  }
  const wide = widthPx === image.widthPx ? image : resizeRows(image, widthPx, filter)
  return heightPx === image.heightPx ? wide : resizeColumns(wide, heightPx, filter)
}

function computeWeights(from: number, to: number, filter: ResizeFilter): Weights {
  const { support: reach, weight } = filters[filter]
  const scale = from / to
  // Shrinking stretches the filter over all the samples that one result covers.
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
      const share = (total === 0 ? exact[t] : exact[t] / total) * (1 << precisionBits)
      values[i * taps + t] = Math.trunc(share < 0 ? share - 0.5 : share + 0.5)
    }
    first[i] = start
    count[i] = size
  }
  return { taps, first, count, values }
}

/** A sum of bytes times weights, which started at one half, as a byte. */
function toByte(sum: number): number {
  const value = sum >> precisionBits
  return value < 0 ? 0 : value > 255 ? 255 : value
}

function resizeRows({ data, widthPx, heightPx }: RgbImage, toPx: number, filter: ResizeFilter): RgbImage {
  const { taps, first, count, values } = computeWeights(widthPx, toPx, filter)
  const out = new Uint8Array(toPx * heightPx * 3)
  for (let y = 0, to = 0; y < heightPx; y++) {
    for (let x = 0; x < toPx; x++, to += 3) {
      let red = half
      let green = half
      let blue = half
      let from = (y * widthPx + first[x]) * 3
      const end = x * taps + count[x]
      for (let t = x * taps; t < end; t++, from += 3) {
        const weight = values[t]
        red += data[from] * weight
        green += data[from + 1] * weight
        blue += data[from + 2] * weight
      }
      out[to] = toByte(red)
      out[to + 1] = toByte(green)
      out[to + 2] = toByte(blue)
    }
  }
  return { widthPx: toPx, heightPx, data: out }
}

function resizeColumns({ data, widthPx, heightPx }: RgbImage, toPx: number, filter: ResizeFilter): RgbImage {
  const { taps, first, count, values } = computeWeights(heightPx, toPx, filter)
  const rowBytes = widthPx * 3
  const out = new Uint8Array(rowBytes * toPx)
  // A whole row at a time, so that memory is walked in order.
  const sums = new Int32Array(rowBytes)
  for (let y = 0; y < toPx; y++) {
    sums.fill(half)
    for (let t = 0; t < count[y]; t++) {
      const weight = values[y * taps + t]
      const from = (first[y] + t) * rowBytes
      for (let i = 0; i < rowBytes; i++) sums[i] += data[from + i] * weight
    }
    const to = y * rowBytes
    for (let i = 0; i < rowBytes; i++) out[to + i] = toByte(sums[i])
  }
  return { widthPx, heightPx: toPx, data: out }
}
