/** Images as a reel: an animation with its own timing, a still image for the duration of one frame. */
import type { RgbImage } from '@casa-js/base'
import { animationFrames, sniff } from '@casa-js/vision/internal'
import { orient, upright } from './orient.ts'
import type { ReelOptions, Shown, ShownReel } from './reel.ts'

/** Whether a file with these first bytes is an image. */
export function isPicture(start: Uint8Array): boolean {
  const found = sniff(start)
  return found !== undefined && 'format' in found
}

/** A reel of an image file. */
export function createPictureReel(bytes: Uint8Array, { framesPerSecond, name, maxPixels, sizePx, live }: ReelOptions): ShownReel {
  const found = sniff(bytes)
  async function* shown(): AsyncGenerator<Shown> {
    let startS = 0
    for await (const { durationMs, image } of animationFrames(bytes, { name, maxPixels })) {
      const endS = startS + (durationMs > 0 ? durationMs / 1000 : 1 / framesPerSecond)
      yield { startS, endS, image: async (): Promise<RgbImage> => orient(await image(), upright, sizePx), close: () => undefined }
      startS = endS
    }
  }
  return {
    info: {
      startMs: 0,
      ...(found && 'format' in found && { codec: found.format }),
      decoder: 'pictures',
      live: live ?? false,
    },
    startS: 0,
    shown,
    close: () => undefined,
  }
}
