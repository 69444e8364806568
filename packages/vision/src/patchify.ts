/**
 * Turns pixels into the rows that an encoder reads: scaled to 0..1, normalised per channel, cut into patches.
 *
 * Patches are ordered in blocks of `mergeSize` x `mergeSize`, row-major over blocks and inside each block, so that the patches that a
 * merger joins are adjacent (transformers, image_processing_pil_qwen2_vl.py: patchify). mergeSize 1 is plain row-major order.
 * The values of a patch are laid out as [channel, frame, row, column]; `frames` repeats a still image in time.
 */
import type { Patches, RgbImage } from '@casa-js/core'
import { checkImage } from './decode.ts'
import { ImageError } from './errors.ts'

export interface PatchLayout {
  patchSizePx: number
  mergeSize: number
  /** Copies of the image in time: 2 where an encoder's original processor turns it into a two-frame video, else 1. */
  frames: number
  /** Per channel (red, green, blue), on the scale of 0..1. */
  mean: number[]
  std: number[]
}

/** Mean and std of CLIP's training images, which most later encoders use too (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD). */
export const clipMean = [0.48145466, 0.4578275, 0.40821073]
export const clipStd = [0.26862954, 0.26130258, 0.27577711]

/**
 * Cut an image into patches, float32 [rows * columns, 3 * frames * patchSizePx^2].
 * @throws ImageError when a side is not a multiple of patchSizePx * mergeSize: resize first.
 */
export function patchify(image: RgbImage, { patchSizePx, mergeSize, frames, mean, std }: PatchLayout): Patches {
  checkImage(image)
  const { widthPx, heightPx, data } = image
  const block = patchSizePx * mergeSize
  if (widthPx % block !== 0 || heightPx % block !== 0) {
    throw new ImageError(
      `patchify: ${widthPx} x ${heightPx} pixels do not divide into blocks of ${block}; resize to multiples of it`,
    )
  }
  const grid = { rows: heightPx / patchSizePx, columns: widthPx / patchSizePx }
  const pixels = patchSizePx * patchSizePx
  const valuesPerPatch = 3 * frames * pixels
  const values = new Float32Array(grid.rows * grid.columns * valuesPerPatch)
  const tables = normalisedBytes(mean, std)
  for (let row = 0; row < grid.rows; row++) {
    for (let column = 0; column < grid.columns; column++) {
      const patch = blockOrder(row, column, grid.columns, mergeSize)
      for (let y = 0; y < patchSizePx; y++) {
        let from = ((row * patchSizePx + y) * widthPx + column * patchSizePx) * 3
        let to = patch * valuesPerPatch + y * patchSizePx
        for (let x = 0; x < patchSizePx; x++, to++) {
          for (let channel = 0; channel < 3; channel++) values[to + channel * frames * pixels] = tables[channel]![data[from++]!]!
        }
      }
      for (let channel = 0; channel < 3; channel++) {
        const first = patch * valuesPerPatch + channel * frames * pixels
        for (let frame = 1; frame < frames; frame++) values.copyWithin(first + frame * pixels, first, first + pixels)
      }
    }
  }
  return { values, grid, valuesPerPatch }
}

/** Index of a patch in the order of blocks of mergeSize x mergeSize. */
export function blockOrder(row: number, column: number, columns: number, mergeSize: number): number {
  const blockRow = Math.floor(row / mergeSize)
  const blockColumn = Math.floor(column / mergeSize)
  const block = blockRow * (columns / mergeSize) + blockColumn
  return block * mergeSize * mergeSize + (row % mergeSize) * mergeSize + (column % mergeSize)
}

/** Lookup table from byte to value, per channel, rounded as numpy does: (float32(byte / 255) - mean) / std, each step in float32. */
function normalisedBytes(mean: number[], std: number[]): Float32Array[] {
  return mean.map((center, channel) => {
    const spread = Math.fround(std[channel]!)
    const offset = Math.fround(center)
    return Float32Array.from({ length: 256 }, (_, byte) => Math.fround(Math.fround(byte * (1 / 255)) - offset) / spread)
  })
}
