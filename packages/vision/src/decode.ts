/**
 * Image files to pixels and back. What every platform must agree on is checked here, before any pixel is decoded: the format and
 * the size that the header announces. The decoders themselves stand behind "#platform" (sharp in Node, the browser's own there).
 */
import type { RgbImage } from '@casa-js/core'
import { decodePixels, encodePixels } from '#platform'
import { imageSize } from 'image-size'
import { ImageError } from './errors.ts'

/** Pillow warns of a decompression bomb above this many pixels (PIL.Image.MAX_IMAGE_PIXELS: 256 MB of rgb). */
export const defaultMaxPixels = Math.floor((1024 * 1024 * 1024) / 4 / 3)

/** Formats that both platforms decode, as `image-size` names them, with the mime type that a browser wants to hear. */
const mimeTypes: Record<string, string> = { png: 'image/png', jpg: 'image/jpeg', webp: 'image/webp' }

export interface DecodeOptions {
  /** Refuse larger images before decoding them. Default: `defaultMaxPixels`. */
  maxPixels?: number
  /** What an error calls the image: a file name, a url. */
  name?: string
}

/**
 * Decode a PNG, JPEG or WebP file to rgb. EXIF rotation is applied, transparency is laid over white, 16-bit samples keep their
 * upper byte, grey and CMYK become rgb, an animation gives its first frame, and colour profiles are ignored, as Pillow does.
 * @throws ImageError when the bytes are empty, truncated, damaged, of another format, or of more than `maxPixels` pixels.
 */
export async function decodeImage(bytes: Uint8Array | ArrayBuffer, options: DecodeOptions = {}): Promise<RgbImage> {
  const { maxPixels = defaultMaxPixels, name = 'image' } = options
  const data = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)
  if (data.length === 0) throw new ImageError(`${name}: the file is empty; expected PNG, JPEG or WebP`)
  const { type, width, height } = readHeader(data, name)
  if (!(width > 0 && height > 0))
    throw new ImageError(`${name}: the header announces ${width} x ${height} pixels; the file is damaged`)
  if (width * height > maxPixels) {
    throw new ImageError(
      `${name}: ${width} x ${height} pixels are more than the ${maxPixels} allowed; scale it down or raise maxPixels`,
    )
  }
  try {
    return await decodePixels(data, mimeTypes[type]!)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ImageError(
      `${name}: the ${type} file of ${data.length} bytes cannot be decoded, it may be truncated or damaged: ${reason}`,
      { cause },
    )
  }
}

/** Encode pixels as a PNG file. @throws ImageError when the data does not fit the size. */
export async function encodePng(image: RgbImage): Promise<Uint8Array> {
  checkImage(image)
  return encodePixels(image)
}

/** @throws ImageError unless the image has at least one pixel, sides that are integers, and 3 bytes a pixel. */
export function checkImage({ widthPx, heightPx, data }: RgbImage, name = 'image'): void {
  const sides = Number.isInteger(widthPx) && Number.isInteger(heightPx) && widthPx > 0 && heightPx > 0
  if (!sides) throw new ImageError(`${name}: ${widthPx} x ${heightPx} pixels; both sides must be integers of at least 1`)
  if (data.length !== widthPx * heightPx * 3) {
    throw new ImageError(
      `${name}: ${widthPx} x ${heightPx} rgb pixels take ${widthPx * heightPx * 3} bytes, found ${data.length}`,
    )
  }
}

function readHeader(data: Uint8Array, name: string): { type: string; width: number; height: number } {
  let header
  try {
    header = imageSize(data)
  } catch (cause) {
    const start = Array.from(data.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    throw new ImageError(`${name}: no PNG, JPEG or WebP header in ${data.length} bytes that start with ${start}`, { cause })
  }
  const { type = 'unknown', width, height } = header
  if (!mimeTypes[type]) throw new ImageError(`${name}: the format is ${type}; convert it to PNG, JPEG or WebP`)
  return { type, width, height }
}
