/** Pixels in Node: sharp, which is libvips. */
import type { RgbImage } from '@casa-js/core'
import sharp from 'sharp'

/** Decode the first frame of a file to rgb, upright, over white. Throws what sharp throws. */
export async function decodePixels(bytes: Uint8Array, _mimeType: string): Promise<RgbImage> {
  // The caller has checked the size; encoders are trained on Pillow's pixels, which know no colour profiles.
  const file = sharp(bytes, { failOn: 'warning', limitInputPixels: false, ignoreIcc: true, pages: 1 })
  const { data, info } = await file
    .autoOrient()
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  return { widthPx: info.width, heightPx: info.height, data: new Uint8Array(data.buffer, data.byteOffset, data.length) }
}

export async function encodePixels({ widthPx, heightPx, data }: RgbImage): Promise<Uint8Array> {
  return new Uint8Array(
    await sharp(data, { raw: { width: widthPx, height: heightPx, channels: 3 }, limitInputPixels: false })
      .png()
      .toBuffer(),
  )
}
