/**
 * Image folders: pictures beside resize.safetensors (Pillow's results), patches.safetensors (the stock Qwen2-VL processor's) and
 * sizes.json (smart_resize). None of it touches a device.
 */
import type { RgbImage } from '@casa-js/core'
import { clipStd, clipMean, decodeImage, ImageError, patchify, resize, smartResize, type ResizeFilter } from '@casa-js/vision'
import { relativeError, type Check } from './compare.ts'
import type { GoldenFiles } from './tree.ts'

/** Share of a resized picture's values that may differ from Pillow's, by one at most. */
const resizeTolerance = 0.005
/** float32, two roundings per value. */
const patchTolerance = 1e-6
/** The arguments that make_images.py passes to the stock processor, besides an area of 4 to 16 blocks. */
const stock = { patchSizePx: 14, mergeSize: 2, frames: 2, mean: clipMean, std: clipStd }
const block = stock.patchSizePx * stock.mergeSize

export async function* verifyImages(folder: GoldenFiles): AsyncGenerator<Check> {
  const pictures = pictureReader(folder)
  yield* verifyResize(folder, pictures)
  yield* verifyPatches(folder, pictures)
  if (folder.holds('sizes.json')) yield await verifySizes(folder)
}

type PictureReader = (name: string) => Promise<RgbImage>

/** Decodes `<name>.png` of the folder, once. */
function pictureReader(folder: GoldenFiles): PictureReader {
  const known = new Map<string, Promise<RgbImage>>()
  return (name) => {
    const file = `${name}.png`
    const decode = async () => decodeImage(await folder.bytes(file), { name: `${folder.name}/${file}` })
    if (!known.has(name)) known.set(name, decode())
    return known.get(name)!
  }
}

/** Tensors named "<picture>.<width>x<height>.<filter>", [height, width, 3] bytes. */
async function* verifyResize(folder: GoldenFiles, pictures: PictureReader): AsyncGenerator<Check> {
  const golden = await folder.tensors('resize.safetensors')
  try {
    for (const name of golden.names()) {
      const [height, width] = golden.shape(name) as [number, number]
      const [picture, , filter] = name.split('.') as [string, string, string]
      const ours = resize(await pictures(picture), width, height, filter as ResizeFilter)
      yield compareBytes('resize.' + name, ours.data, await golden.integers(name))
    }
  } finally {
    await golden.close()
  }
}

/** Error: share of values that differ; NaN when one differs by more than rounding can explain. */
function compareBytes(name: string, ours: Uint8Array, golden: Int32Array): Check {
  const differences = golden.map((value, i) => Math.abs(value - ours[i]!))
  const worst = differences.reduce((a, b) => Math.max(a, b), 0)
  const share = differences.filter((difference) => difference > 0).length / differences.length
  const comparable = ours.length === golden.length && worst <= 1
  const note = worst > 0 ? `bytes differ by up to ${worst}` : undefined
  return { name, error: comparable ? share : NaN, tolerance: resizeTolerance, note }
}

/** "<picture>.pixel_values" [patches, 1176] and "<picture>.grid" [1, 3]: time, rows, columns. */
async function* verifyPatches(folder: GoldenFiles, pictures: PictureReader): AsyncGenerator<Check> {
  const golden = await folder.tensors('patches.safetensors')
  try {
    for (const name of golden.names().filter((key) => key.endsWith('.grid'))) {
      const picture = name.slice(0, -'.grid'.length)
      const values = `${picture}.pixel_values`
      const [, rows, columns] = await golden.integers(name)
      const image = await pictures(picture)
      const { widthPx, heightPx } = smartResize(image, block, 4 * block ** 2, 16 * block ** 2)
      const ours = patchify(resize(image, widthPx, heightPx), stock)
      const sameGrid = ours.grid.rows === rows && ours.grid.columns === columns
      const note = sameGrid ? undefined : `grid of ${ours.grid.rows} x ${ours.grid.columns} for ${rows} x ${columns}`
      const error = sameGrid ? relativeError(ours.values, await golden.floats(values)) : NaN
      yield { name: 'patches.' + picture, error, tolerance: patchTolerance, note }
    }
  } finally {
    await golden.close()
  }
}

/** Rows of [height, width, min_pixels, max_pixels, [height, width] or "error"]. Error: share of rows that differ. */
async function verifySizes(folder: GoldenFiles): Promise<Check> {
  const rows = await folder.json<[number, number, number, number, [number, number] | 'error'][]>('sizes.json')
  const wrong = rows.filter(([heightPx, widthPx, minPixels, maxPixels, golden]) => {
    const ours = sizeOrError(heightPx, widthPx, minPixels, maxPixels)
    return String(ours) !== String(golden)
  })
  const note = wrong.length > 0 ? `first of ${wrong.length} wrong rows: ${JSON.stringify(wrong[0])}` : undefined
  return { name: 'sizes', error: wrong.length / rows.length, tolerance: 0, note }
}

function sizeOrError(heightPx: number, widthPx: number, minPixels: number, maxPixels: number): [number, number] | 'error' {
  try {
    const size = smartResize({ heightPx, widthPx }, block, minPixels, maxPixels)
    return [size.heightPx, size.widthPx]
  } catch (error) {
    if (error instanceof ImageError) return 'error'
    throw error
  }
}
