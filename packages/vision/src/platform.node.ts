/** Decoding and encoding in Node: sharp (libvips), and our own reader for BMP, which libvips lacks. */
import type { RgbImage } from '@casa-js/core'
import type { Sharp, SharpOptions } from 'sharp'
import { ImageError } from './errors.ts'
import type { ImageFormat } from './format.ts'
import type { Pages } from './pages.ts'
import { decodeBmp, readBmpSize } from './bmp.node.ts'

type SharpModule = (input: Uint8Array, options?: SharpOptions) => Sharp

let loading: Promise<SharpModule> | undefined

/** sharp is an optional peer dependency: browser programs do not need its 30 MB. */
function loadSharp(): Promise<SharpModule> {
  loading ??= import('sharp').then(
    ({ default: sharp }) => sharp,
    (cause: unknown) => {
      loading = undefined
      throw new ImageError('in Node pictures are decoded by sharp, which is not installed: `npm install sharp`', { cause })
    },
  )
  return loading
}

/** Width and height as the decoder reads them from the header, before rotation. Throws what sharp throws. */
export async function readSize(bytes: Uint8Array, format: ImageFormat): Promise<{ widthPx: number; heightPx: number }> {
  if (format === 'bmp') return readBmpSize(bytes)
  const sharp = await loadSharp()
  const { width, height, pageHeight = height } = await sharp(bytes, { limitInputPixels: false, pages: 1 }).metadata()
  return { widthPx: width, heightPx: pageHeight }
}

/** libjpeg warnings that lose no pixels: stray bytes, odd scan parameters, unknown revisions, ICC chunks. */
const harmlessWarning = /extraneous bytes|Invalid SOS parameters|unknown JFIF|Unknown Adobe|bad ICC|Inconsistent progression/

/** Decode the first frame of a file to rgb, upright, over white. Throws what sharp throws. */
export async function decodePixels(bytes: Uint8Array, format: ImageFormat, maxPixels: number): Promise<RgbImage> {
  if (format === 'bmp') return decodeBmp(bytes)
  try {
    return await decodeWith(bytes, maxPixels, 'warning')
  } catch (error) {
    if (format !== 'jpeg' || !(error instanceof Error) || !harmlessWarning.test(error.message)) throw error
    return decodeWith(bytes, maxPixels, 'truncated')
  }
}

async function decodeWith(bytes: Uint8Array, maxPixels: number, failOn: 'warning' | 'truncated'): Promise<RgbImage> {
  const sharp = await loadSharp()
  // Encoders are trained on Pillow's pixels, which ignore colour profiles.
  const file = sharp(bytes, {
    failOn,
    limitInputPixels: Number.isSafeInteger(maxPixels) ? maxPixels : false,
    ignoreIcc: true,
    pages: 1,
  })
  const upright = file.autoOrient()
  const { space } = await file.metadata()
  if (space === 'cmyk') {
    // Like libvips, Pillow treats every four-channel JPEG as stored inverted.
    const { data, info } = await upright
      .pipelineColourspace('cmyk')
      .toColourspace('cmyk')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    return { widthPx: info.width, heightPx: info.height, data: cmykToRgb(data, info.channels) }
  }
  const { data, info } = await upright
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  return { widthPx: info.width, heightPx: info.height, data: new Uint8Array(data.buffer, data.byteOffset, data.length) }
}

/** Bytes of pages decoded in one call: libvips reads an animation from its start each time. */
const chunkBytes = 32 * 1024 * 1024
const chunkPages = 32

/** The pages of an animation. Call `page` in order. */
export async function openPages(bytes: Uint8Array, format: ImageFormat, maxPixels: number): Promise<Pages> {
  const one = (): Pages => ({
    count: 1,
    page: async () => ({ durationMs: 0, image: () => decodePixels(bytes, format, maxPixels) }),
    close: () => undefined,
  })
  if (format === 'bmp' || format === 'tiff') return one()
  const sharp = await loadSharp()
  const { pages = 1, delay = [], width, height, pageHeight = height } = await sharp(bytes, { limitInputPixels: false }).metadata()
  if (pages === 1) return one()
  const pageBytes = width * pageHeight * 3
  const perChunk = Math.max(1, Math.min(chunkPages, Math.floor(chunkBytes / pageBytes)))
  let first = -1
  let chunk = Promise.resolve(new Uint8Array())
  const decodeChunk = async (page: number) => {
    const file = sharp(bytes, { page, pages: Math.min(perChunk, pages - page), limitInputPixels: false, ignoreIcc: true })
    return new Uint8Array(await file.flatten({ background: '#ffffff' }).toColourspace('srgb').raw({ depth: 'uchar' }).toBuffer())
  }
  return {
    count: pages,
    page: async (index) => ({
      durationMs: delay[index] ?? 0,
      image: async () => {
        const start = index - (index % perChunk)
        if (start !== first) {
          first = start
          chunk = decodeChunk(start)
        }
        const at = (index - start) * pageBytes
        return { widthPx: width, heightPx: pageHeight, data: (await chunk).slice(at, at + pageBytes) }
      },
    }),
    close: () => undefined,
  }
}

/** cmyk [n, channels] -> rgb [n, 3], in Pillow's integer arithmetic (Convert.c: cmyk2rgb); channels after the fourth are dropped. */
function cmykToRgb(cmyk: Uint8Array, channels: number): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / channels) * 3)
  for (let from = 0, to = 0; from < cmyk.length; from += channels, to += 3) {
    const rest = 255 - cmyk[from + 3]!
    for (let channel = 0; channel < 3; channel++) {
      const product = cmyk[from + channel]! * rest + 128
      rgb[to + channel] = Math.max(0, rest - ((product + (product >> 8)) >> 8))
    }
  }
  return rgb
}

/** Encode pixels as PNG. */
export async function encodePixels({ widthPx, heightPx, data }: RgbImage): Promise<Uint8Array> {
  const sharp = await loadSharp()
  return new Uint8Array(
    await sharp(data, { raw: { width: widthPx, height: heightPx, channels: 3 }, limitInputPixels: false })
      .png()
      .toBuffer(),
  )
}

export { readBytes } from './read-bytes.node.ts'
