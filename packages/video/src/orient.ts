/** Brings frames to display form: square pixels, the requested size, upright. */
import type { RgbImage } from '@casa-js/base'
import { resize } from '@casa-js/vision'

export interface Orientation {
  /** Clockwise rotation. */
  rotation: 0 | 90 | 180 | 270
  /** Mirrored left to right, after rotation. */
  flip: boolean
  /** Width of a pixel divided by its height. */
  pixelAspect: number
}

export const upright: Orientation = { rotation: 0, flip: false, pixelAspect: 1 }

/** Width and height before rotation: pixels made square by stretching the shorter of their sides, then shrunk to `sizePx`. */
export function shownSize(widthPx: number, heightPx: number, pixelAspect: number, sizePx = Infinity): [number, number] {
  const width = pixelAspect > 1 ? widthPx * pixelAspect : widthPx
  const height = pixelAspect < 1 ? heightPx / pixelAspect : heightPx
  const scale = Math.min(1, sizePx / Math.max(width, height))
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))]
}

/** Resize and rotate a frame. */
export function orient(image: RgbImage, { rotation, flip, pixelAspect }: Orientation, sizePx?: number): RgbImage {
  const [width, height] = shownSize(image.widthPx, image.heightPx, pixelAspect, sizePx)
  const resized = resize(image, width, height)
  return rotation === 0 && !flip ? resized : turn(resized, rotation, flip)
}

function turn({ widthPx, heightPx, data }: RgbImage, rotation: Orientation['rotation'], flip: boolean): RgbImage {
  const swapped = rotation === 90 || rotation === 270
  const [width, height] = swapped ? [heightPx, widthPx] : [widthPx, heightPx]
  const out = new Uint8Array(data.length)
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      const turnedX = flip ? width - 1 - x : x
      const [fromX, fromY] = {
        0: [turnedX, y],
        90: [y, heightPx - 1 - turnedX],
        180: [widthPx - 1 - turnedX, heightPx - 1 - y],
        270: [widthPx - 1 - y, turnedX],
      }[rotation] as [number, number]
      const from = (fromY * widthPx + fromX) * 3
      out[to] = data[from]!
      out[to + 1] = data[from + 1]!
      out[to + 2] = data[from + 2]!
    }
  }
  return { widthPx: width, heightPx: height, data: out }
}
