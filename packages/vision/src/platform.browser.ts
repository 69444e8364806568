/** Decoding and encoding in a page or a web worker: createImageBitmap and OffscreenCanvas. */
import type { RgbImage } from '@casa-js/core'
import { imageSize } from 'image-size'
import { ImageError } from './errors.ts'
import { mimeTypes, type ImageFormat } from './format.ts'
import { readJpegHeader } from './jpeg-header.ts'
import type { Pages } from './pages.ts'
import { withAlpha, withoutAlpha } from './alpha.ts'

/** Width and height from the header, because browsers report them only after decoding. */
export async function readSize(bytes: Uint8Array, format: ImageFormat): Promise<{ widthPx: number; heightPx: number }> {
  if (format === 'jpeg') {
    const header = readJpegHeader(bytes)
    if (!header) throw new ImageError('the JPEG has no start of frame; it is truncated or damaged')
    return header
  }
  const { width, height } = imageSize(bytes)
  return { widthPx: width, heightPx: height }
}

/** Decode the first frame of a file to rgb, upright, over white. Throws what the browser throws. */
export async function decodePixels(bytes: Uint8Array, format: ImageFormat, maxPixels: number): Promise<RgbImage> {
  const blob = new Blob([bytes as Uint8Array<ArrayBuffer>], { type: mimeTypes[format] })
  // Encoders are trained on Pillow's pixels, which ignore colour profiles.
  const bitmap = await createImageBitmap(blob, { imageOrientation: 'from-image', colorSpaceConversion: 'none' }).catch(
    (cause: unknown) => {
      if (format !== 'tiff') throw cause
      throw new ImageError('this browser has no decoder for TIFF; convert the picture to PNG, JPEG or WebP', { cause })
    },
  )
  try {
    if (bitmap.width * bitmap.height > maxPixels)
      throw new ImageError(`${bitmap.width} x ${bitmap.height} pixels are more than its header announces`)
    return overWhite(bitmap, bitmap.width, bitmap.height)
  } finally {
    bitmap.close()
  }
}

/** The pages of an animation; only the first in browsers without ImageDecoder. */
export async function openPages(bytes: Uint8Array, format: ImageFormat, maxPixels: number): Promise<Pages> {
  const still: Pages = {
    count: 1,
    page: async () => ({ durationMs: 0, image: () => decodePixels(bytes, format, maxPixels) }),
    close: () => undefined,
  }
  const type = mimeTypes[format]
  if (typeof ImageDecoder === 'undefined' || !(await ImageDecoder.isTypeSupported(type))) return still
  const decoder = new ImageDecoder({ data: bytes as Uint8Array<ArrayBuffer>, type, colorSpaceConversion: 'none' })
  await Promise.all([decoder.completed, decoder.tracks.ready])
  const count = decoder.tracks.selectedTrack?.frameCount ?? 1
  if (count === 1) {
    decoder.close()
    return still
  }
  const held: VideoFrame[] = []
  return {
    count,
    async page(frameIndex) {
      const { image } = await decoder.decode({ frameIndex })
      held.push(image)
      if (held.length > 2) held.shift()!.close()
      return {
        durationMs: (image.duration ?? 0) / 1000,
        image: async () => overWhite(image, image.displayWidth, image.displayHeight),
      }
    },
    close() {
      for (const image of held) image.close()
      decoder.close()
    },
  }
}

function overWhite(picture: ImageBitmap | VideoFrame, width: number, height: number): RgbImage {
  const context = drawingContext(width, height)
  context.fillStyle = '#ffffff'
  context.fillRect(0, 0, width, height)
  context.drawImage(picture, 0, 0)
  return { widthPx: width, heightPx: height, data: withoutAlpha(context.getImageData(0, 0, width, height).data) }
}

/** Encode pixels as PNG. */
export async function encodePixels({ widthPx, heightPx, data }: RgbImage): Promise<Uint8Array> {
  const context = drawingContext(widthPx, heightPx)
  context.putImageData(new ImageData(withAlpha(data), widthPx, heightPx), 0, 0)
  const blob = await context.canvas.convertToBlob({ type: 'image/png' })
  return new Uint8Array(await blob.arrayBuffer())
}

function drawingContext(width: number, height: number): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
  if (!context) throw new ImageError(`this browser gives no canvas of ${width} x ${height} pixels; scale the picture down`)
  return context
}

export { readBytes } from './read-bytes.ts'
