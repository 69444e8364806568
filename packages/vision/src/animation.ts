/** Animated images (GIF, WebP, AVIF), decoded frame by frame, so that an animation is never in memory as a whole. */
import type { RgbImage } from '@casa-js/core'
import { openPages, readSize } from '#platform'
import { checkSize, formatOf, orImageError, type DecodeOptions, defaultMaxPixels } from './decode.ts'

/** One frame of an animation, composited over the earlier ones. */
export interface AnimationFrame {
  /** Duration; 100 ms, as in browsers, if the file says 0. */
  durationMs: number
  /** The pixels, over white. May be called until the frame after the next is read. */
  image(): Promise<RgbImage>
}

/** How long browsers show a frame whose delay is 0. */
const defaultDurationMs = 100

/**
 * The frames of an image in order; a still image has a single frame of duration 0.
 * @throws ImageError for the same reasons as `decodeImage`.
 */
export async function* animationFrames(data: Uint8Array, options: DecodeOptions = {}): AsyncGenerator<AnimationFrame> {
  const { maxPixels = defaultMaxPixels, name = 'image' } = options
  const format = formatOf(data, name)
  const read = <T>(work: Promise<T>) => orImageError(work, format, data.length, name)
  checkSize(await read(readSize(data, format)), maxPixels, name)
  const pages = await read(openPages(data, format, maxPixels))
  try {
    for (let index = 0; index < pages.count; index++) {
      const { durationMs, image } = await read(pages.page(index))
      const shownMs = pages.count === 1 ? 0 : durationMs > 0 ? durationMs : defaultDurationMs
      yield { durationMs: shownMs, image: () => read(image()) }
    }
  } finally {
    pages.close()
  }
}
