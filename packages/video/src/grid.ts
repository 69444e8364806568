/**
 * Resamples a video to an even frame rate: which picture is shown at which time.
 *
 *     pictures   |a      |b |c          |        shown from their timestamp until the next one
 *     times      ^    ^    ^    ^    ^           start + i / framesPerSecond, half-open: none at the end
 *     frames     a    a    b    c    c
 *
 * So pictures of a video with a variable frame rate are repeated or skipped, as in a player.
 */
import type { RgbImage } from '@casa-js/base'
import type { Shown, ShownReel, Wanted } from './reel.ts'
import type { VideoFrame } from './types.ts'

/** Decoders round timestamps to microseconds. */
const toleranceS = 1e-6

export interface GridOptions {
  framesPerSecond: number
  from?: number | undefined
  to?: number | undefined
}

/** The frames of a reel at times that are 1 / framesPerSecond apart. */
export async function* framesOnGrid(
  reel: ShownReel,
  { framesPerSecond, from, to = Infinity }: GridOptions,
): AsyncGenerator<VideoFrame> {
  const originS = from ?? reel.startS
  const timeAt = (index: number) => originS + index / framesPerSecond
  // There is nothing to show before the first picture.
  let index = Math.max(0, Math.ceil((reel.startS - originS) * framesPerSecond - toleranceS))
  const wanted: Wanted = { timeS: timeAt(index) }
  const isOver = () => wanted.timeS > to - toleranceS
  if (isOver()) return

  async function* framesUntil(shown: Shown, endS: number): AsyncGenerator<VideoFrame> {
    let image: RgbImage | undefined
    while (wanted.timeS < endS - toleranceS && !isOver()) {
      image ??= await shown.image()
      const timeMs = wanted.timeS * 1000
      wanted.timeS = timeAt(++index)
      yield { image, timeMs, durationMs: 1000 / framesPerSecond }
    }
  }

  let current: Shown | undefined
  let gapS = 0
  try {
    for await (const next of reel.shown(wanted)) {
      const last = current
      current = next
      if (!last) continue
      gapS = next.startS - last.startS
      try {
        yield* framesUntil(last, next.startS)
      } finally {
        last.close()
      }
      if (isOver()) return
    }
    // The last picture is shown for its duration, or else for that of the one before it; at least once.
    if (current) yield* framesUntil(current, current.endS ?? current.startS + (gapS || 1 / framesPerSecond))
  } finally {
    current?.close()
  }
}
