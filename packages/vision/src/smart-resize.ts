/** The size to which Qwen's processors resize an image (transformers, image_processing_qwen2_vl.py: smart_resize). */
import { ImageError } from './errors.ts'

/** Largest allowed ratio of the longer side to the shorter; longer strips have no useful grid. */
const maxAspectRatio = 200

export interface Size {
  heightPx: number
  widthPx: number
}

/**
 * Sides that are multiples of `factor`, with `minPixels <= height * width <= maxPixels` where possible, close to the original aspect
 * ratio.
 * @throws ImageError when a side is below 1 or one side is more than 200 times the other.
 */
export function smartResize({ heightPx, widthPx }: Size, factor: number, minPixels: number, maxPixels: number): Size {
  if (!(heightPx >= 1 && widthPx >= 1))
    throw new ImageError(`smartResize: ${widthPx} x ${heightPx} pixels; both sides must be at least 1`)
  const ratio = Math.max(heightPx, widthPx) / Math.min(heightPx, widthPx)
  if (ratio > maxAspectRatio) {
    throw new ImageError(
      `smartResize: ${widthPx} x ${heightPx} has an aspect ratio of ${ratio.toFixed(1)}; crop it to at most ${maxAspectRatio}`,
    )
  }
  const area = heightPx * widthPx
  const rounded = { heightPx: roundHalfToEven(heightPx / factor) * factor, widthPx: roundHalfToEven(widthPx / factor) * factor }
  const roundedArea = rounded.heightPx * rounded.widthPx
  if (roundedArea > maxPixels) {
    const shrink = Math.sqrt(area / maxPixels)
    const side = (px: number) => Math.max(factor, Math.floor(px / shrink / factor) * factor)
    return { heightPx: side(heightPx), widthPx: side(widthPx) }
  }
  if (roundedArea < minPixels) {
    const grow = Math.sqrt(minPixels / area)
    const side = (px: number) => Math.ceil((px * grow) / factor) * factor
    return { heightPx: side(heightPx), widthPx: side(widthPx) }
  }
  return rounded
}

/** Python's round: halves go to the even neighbour. */
function roundHalfToEven(x: number): number {
  const down = Math.floor(x)
  const rest = x - down
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down
}
