/**
 * Planes of a decoded frame -> rgb. Our own integer arithmetic instead of the platform's, so that Node and every browser give the same
 * bytes for the same video: the standards define decoding exactly, but not the conversion to rgb.
 *
 * Chroma is taken from the nearest sample. 10 and 12 bits keep their upper 8. High dynamic range is not tone-mapped.
 */
import type { RgbImage } from '@casa-js/base'
import { VideoError } from './errors.ts'

export interface Plane {
  offset: number
  stride: number
}

/** Names of the color matrix of a video (WebCodecs, VideoMatrixCoefficients). */
export interface ColorSpace {
  matrix?: string | null | undefined
  fullRange?: boolean | null | undefined
}

/** Weights of red and blue in luma (ITU-R BT.601, BT.709, BT.2020). */
const lumaShares: Record<string, [red: number, blue: number]> = {
  smpte170m: [0.299, 0.114],
  bt470bg: [0.299, 0.114],
  bt709: [0.2126, 0.0722],
  'bt2020-ncl': [0.2627, 0.0593],
}

/** From this height on, a video without a declared matrix is treated as high definition. */
const highDefinitionPx = 720

const fractionBits = 16
const half = 1 << (fractionBits - 1)

/** Lookup tables of the contribution of each luma and chroma value, in 16-bit fixed point. */
function tablesOf({ matrix, fullRange }: ColorSpace, heightPx: number) {
  const fallback = heightPx >= highDefinitionPx ? 'bt709' : 'smpte170m'
  const [kr, kb] = lumaShares[matrix ?? fallback] ?? lumaShares[fallback]!
  const kg = 1 - kr - kb
  const luma = fullRange ? 1 : 255 / 219
  const scale = fullRange ? 1 : 255 / 224
  const table = (value: (byte: number) => number) =>
    Int32Array.from({ length: 256 }, (_, byte) => Math.round(value(byte) * 2 ** fractionBits))
  return {
    y: table((byte) => (byte - (fullRange ? 0 : 16)) * luma),
    redOfV: table((byte) => (byte - 128) * scale * 2 * (1 - kr)),
    greenOfU: table((byte) => (byte - 128) * scale * -2 * (1 - kb) * (kb / kg)),
    greenOfV: table((byte) => (byte - 128) * scale * -2 * (1 - kr) * (kr / kg)),
    blueOfU: table((byte) => (byte - 128) * scale * 2 * (1 - kb)),
  }
}

/** WebCodecs' formats: how often chroma is halved per axis, and whether u and v are interleaved in one plane. */
const planar = /^I(420|422|444)A?(P10|P12)?$/

/**
 * Convert the visible pixels of a frame, as `copyTo` gives them, to rgb.
 * @throws VideoError when the format is not one of WebCodecs'.
 */
export function planesToRgb(
  format: string,
  bytes: Uint8Array,
  planes: readonly Plane[],
  widthPx: number,
  heightPx: number,
  color: ColorSpace,
): RgbImage {
  const data = new Uint8Array(widthPx * heightPx * 3)
  const image = { widthPx, heightPx, data }
  const interleaved = /^(RGB|BGR)[AX]$/.exec(format)
  if (interleaved) {
    copyInterleaved(bytes, planes[0]!, image, interleaved[1] === 'RGB' ? 0 : 2)
    return image
  }
  const found = planar.exec(format)
  if (!found && format !== 'NV12') throw new VideoError(`the decoder gives frames of the unknown format ${format}`)
  const bytesPerSample = found?.[2] ? 2 : 1
  const depth = found?.[2] ? Number(found[2].slice(1)) : 8
  const halveX = found?.[1] === '444' ? 0 : 1
  const halveY = found && found[1] !== '420' ? 0 : 1
  // Without a matrix the planes are green, blue and red.
  const isRgb = color.matrix === 'rgb'
  const { y: lumaOf, redOfV, greenOfU, greenOfV, blueOfU } = tablesOf(color, heightPx)
  const [yPlane, uPlane, vPlane] = format === 'NV12' ? [planes[0]!, planes[1]!, planes[1]!] : [planes[0]!, planes[1]!, planes[2]!]
  const chromaStep = format === 'NV12' ? 2 : bytesPerSample
  const vShift = format === 'NV12' ? 1 : 0
  // @napi-rs/webcodecs omits the last column and row of chroma when a side is odd: use the one before.
  const lastColumn = Math.floor(uPlane.stride / chromaStep) - 1
  const chromaEnd = vPlane.offset > uPlane.offset ? vPlane.offset : bytes.length
  const lastRow = Math.floor((chromaEnd - uPlane.offset) / uPlane.stride) - 1
  // The upper 8 bits of a 10- or 12-bit sample in two bytes, little-endian.
  const read =
    depth === 8 ? (at: number) => bytes[at]! : (at: number) => ((bytes[at]! | (bytes[at + 1]! << 8)) >> (depth - 8)) & 0xff
  const clamped = new Uint8ClampedArray(data.buffer)
  for (let row = 0, to = 0; row < heightPx; row++) {
    const yRow = yPlane.offset + row * yPlane.stride
    const chromaRow = Math.min(row >> halveY, lastRow)
    const uRow = uPlane.offset + chromaRow * uPlane.stride
    const vRow = vPlane.offset + chromaRow * vPlane.stride + vShift
    for (let x = 0; x < widthPx; x++, to += 3) {
      const y = read(yRow + x * bytesPerSample)
      const chroma = Math.min(x >> halveX, lastColumn) * chromaStep
      const u = read(uRow + chroma)
      const v = read(vRow + chroma)
      if (isRgb) {
        data[to] = v
        data[to + 1] = y
        data[to + 2] = u
        continue
      }
      const luma = lumaOf[y]! + half
      clamped[to] = (luma + redOfV[v]!) >> fractionBits
      clamped[to + 1] = (luma + greenOfU[u]! + greenOfV[v]!) >> fractionBits
      clamped[to + 2] = (luma + blueOfU[u]!) >> fractionBits
    }
  }
  return image
}

/** Four bytes per pixel, with red at `redAt` (0 or 2) and blue at the other. */
function copyInterleaved(
  bytes: Uint8Array,
  { offset, stride }: Plane,
  { widthPx, heightPx, data }: RgbImage,
  redAt: number,
): void {
  for (let row = 0, to = 0; row < heightPx; row++) {
    for (let from = offset + row * stride, x = 0; x < widthPx; x++, from += 4, to += 3) {
      data[to] = bytes[from + redAt]!
      data[to + 1] = bytes[from + 1]!
      data[to + 2] = bytes[from + 2 - redAt]!
    }
  }
}
