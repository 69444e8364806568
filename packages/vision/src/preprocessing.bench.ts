/**
 * The cost of preprocessing an image, next to sharp's own resize (cubic, not Pillow's weights).
 * Run: npx vitest bench packages/vision
 */
import { readFileSync } from 'node:fs'
import sharp from 'sharp'
import { bench, describe } from 'vitest'
import { decodeImage } from './decode.ts'
import { fixture } from './fixtures/read-golden.ts'
import { clipStd, clipMean, patchify } from './patchify.ts'
import { resize } from './resize.ts'

const photo = resize(await decodeImage(readFileSync(fixture('images/china.png'))), 1280, 960)
const raw = { raw: { width: photo.widthPx, height: photo.heightPx, channels: 3 as const } }
const jpeg = await sharp(photo.data, raw).jpeg({ quality: 90 }).toBuffer()
const layout = { patchSizePx: 14, mergeSize: 2, frames: 1, mean: clipMean, std: clipStd }
const prepared = resize(photo, 896, 672)
const options = { time: 1000 }

describe.each([
  [448, 336],
  [896, 672],
  [1792, 1344],
])('1280 x 960 to %i x %i', (width, height) => {
  bench('resize', () => void resize(photo, width, height), options)
  bench(
    'sharp',
    async () => void (await sharp(photo.data, raw).resize(width, height, { kernel: 'cubic', fit: 'fill' }).raw().toBuffer()),
    options,
  )
})

describe('the rest', () => {
  bench('decode a JPEG of 1280 x 960', async () => void (await decodeImage(jpeg)), options)
  bench('patchify 896 x 672', () => void patchify(prepared, layout), options)
})
