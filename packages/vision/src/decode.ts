/**
 * Decoding and encoding of image files. The checks that are the same on every platform are here: the format and the number of pixels.
 * The decoders are behind "#platform" (sharp in Node, the built-in decoder in browsers); they report the size of an image and
 * enforce the limit while they decode.
 */
import type { RgbImage } from '@casa-js/core'
import { decodePixels, encodePixels, readSize } from '#platform'
import { ImageError } from './errors.ts'
import { acceptedFormats, sniff, type ImageFormat } from './format.ts'

/** Pillow warns of a decompression bomb above this many pixels (PIL.Image.MAX_IMAGE_PIXELS: 256 MB of rgb). */
export const defaultMaxPixels = Math.floor((1024 * 1024 * 1024) / 4 / 3)

export interface DecodeOptions {
  /** Reject larger images before decoding them. Default: `defaultMaxPixels`, about 89 million. */
  maxPixels?: number
  /** Name of the image in error messages: a file name or a URL. */
  name?: string
}

/**
 * Decode a PNG, JPEG, WebP, GIF, AVIF, TIFF or BMP file to 8-bit rgb, in row-major order (of the browsers, only Safari decodes TIFF).
 *
 * Colours are converted as by Pillow's `convert('RGB')`: 16-bit samples keep their upper byte, grey becomes rgb, CMYK becomes rgb by
 * `(255 - c) * (255 - k) / 255`, and colour profiles are ignored. Transparency is composited over white. Only the first
 * frame or page is decoded. EXIF orientation is applied; orientation given only in XMP is not, as in browsers.
 * @throws ImageError when the file is empty, truncated, corrupt, of another format, or has more than `maxPixels` pixels.
 */
export async function decodeImage(bytes: Uint8Array | ArrayBuffer, options: DecodeOptions = {}): Promise<RgbImage> {
  const { maxPixels = defaultMaxPixels, name = 'image' } = options
  const data = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)
  const format = formatOf(data, name)
  const read = <T>(work: Promise<T>) => orImageError(work, format, data.length, name)
  checkSize(await read(readSize(data, format)), maxPixels, name)
  const image = await read(decodePixels(data, format, maxPixels))
  checkSize(image, maxPixels, name)
  return image
}

/** Converts a decoder error to an ImageError that names the file. */
export async function orImageError<T>(work: Promise<T>, format: ImageFormat, bytes: number, name: string): Promise<T> {
  try {
    return await work
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    if (ImageError.isInstance(cause)) throw new ImageError(`${name}: ${reason}`, { cause })
    throw new ImageError(
      `${name}: the ${format} file of ${bytes} bytes cannot be decoded, it may be truncated or damaged: ${reason}`,
      { cause },
    )
  }
}

/** @throws ImageError when there are no bytes, or they are not in a supported format. */
export function formatOf(data: Uint8Array, name: string): ImageFormat {
  if (data.length === 0) throw new ImageError(`${name}: the file is empty; expected ${acceptedFormats}`)
  const found = sniff(data)
  if (!found) {
    const start = Array.from(data.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    throw new ImageError(`${name}: no ${acceptedFormats} header in ${data.length} bytes that start with ${start}`)
  }
  if ('refusal' in found) throw new ImageError(`${name}: ${found.refusal}`)
  return found.format
}

/** @throws ImageError when a side is 0, or there are more than `maxPixels` pixels. */
export function checkSize({ widthPx, heightPx }: { widthPx: number; heightPx: number }, maxPixels: number, name: string): void {
  if (!(widthPx > 0 && heightPx > 0))
    throw new ImageError(`${name}: the header announces ${widthPx} x ${heightPx} pixels; the file is damaged`)
  if (widthPx * heightPx > maxPixels) {
    throw new ImageError(
      `${name}: ${widthPx} x ${heightPx} pixels are more than the ${maxPixels} allowed; scale it down or raise maxPixels`,
    )
  }
}

/** Encode pixels as a PNG file. @throws ImageError when the data does not match the size. */
export async function encodePng(image: RgbImage): Promise<Uint8Array> {
  checkImage(image)
  return encodePixels(image)
}

/** @throws ImageError unless the image has at least one pixel, sides that are integers, and 3 bytes per pixel. */
export function checkImage({ widthPx, heightPx, data }: RgbImage, name = 'image'): void {
  const sides = Number.isInteger(widthPx) && Number.isInteger(heightPx) && widthPx > 0 && heightPx > 0
  if (!sides) throw new ImageError(`${name}: ${widthPx} x ${heightPx} pixels; both sides must be integers of at least 1`)
  if (data.length !== widthPx * heightPx * 3) {
    throw new ImageError(
      `${name}: ${widthPx} x ${heightPx} rgb pixels take ${widthPx * heightPx * 3} bytes, found ${data.length}`,
    )
  }
}
