/** Frames of a live video on their way to a model that may be slower: the newest waits, older ones are dropped and counted. */
import type { RgbImage } from '@casa-js/base'
import { withoutAlpha } from '@casa-js/vision/internal'
import type { VideoFrame } from '@casa-js/vlm'
import type { LiveFrame } from './protocol.ts'

export interface FrameQueue {
  push(frame: LiveFrame): void
  /** No more frames follow; a waiting frame is still delivered. */
  end(): void
  /** Frames dropped since the last call. */
  takeDropped(): number
  /** The frames, as the model requests them. */
  frames(): AsyncGenerator<VideoFrame, void>
}

/** @returns an empty queue */
export function createFrameQueue(): FrameQueue {
  let waiting: LiveFrame | undefined
  let dropped = 0
  let ended = false
  let wake = () => {}
  return {
    push(frame) {
      if (ended) return close(frame)
      if (waiting) {
        close(waiting)
        dropped++
      }
      waiting = frame
      wake()
    },
    end() {
      ended = true
      wake()
    },
    takeDropped() {
      const count = dropped
      dropped = 0
      return count
    },
    async *frames() {
      try {
        while (waiting || !ended) {
          const frame = waiting
          waiting = undefined
          if (frame) yield { image: pixelsOf(frame.image), timeMs: frame.timeMs }
          else await new Promise<void>((resolve) => (wake = resolve))
        }
      } finally {
        ended = true
        if (waiting) close(waiting)
        waiting = undefined
      }
    },
  }
}

const close = ({ image }: LiveFrame): void => {
  if ('close' in image) image.close()
}

/** The rgb pixels of a frame; closes a bitmap. */
function pixelsOf(image: LiveFrame['image']): RgbImage {
  if (!('close' in image)) return image
  const { width, height } = image
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!
  context.drawImage(image, 0, 0)
  image.close()
  return { widthPx: width, heightPx: height, data: withoutAlpha(context.getImageData(0, 0, width, height).data) }
}
