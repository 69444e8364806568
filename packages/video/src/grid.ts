/**
 * Which picture is shown at which time:
 *
 *     pictures   |a      |b |c          |        shown from their time stamp until the next one
 *     times      ^    ^    ^    ^    ^           start + i / framesPerSecond, half-open: none at the end
 *     frames     a    a    b    c    c
 *
 * so a frame of a variable rate is repeated or passed over as a player would.
 */
import type { RgbImage } from '@casa-js/base'
import type { Shown, ShownReel, Wanted } from './reel.ts'
import type { VideoFrame } from './types.ts'

/** Time stamps are rounded to microseconds on their way through decoders. */
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
  // Pictures before the first one are none.
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
    // The last picture is shown as long as it says, or else as long as the one before it; at least once.
    if (current) yield* framesUntil(current, current.endS ?? current.startS + (gapS || 1 / framesPerSecond))
  } finally {
    current?.close()
  }
}
