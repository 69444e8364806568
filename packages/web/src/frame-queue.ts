/** Frames of a live video on their way to a model that may be slower: the newest waits, older ones are dropped and counted. */
import type { RgbImage } from '@casa-js/base'
import { createNewestQueue } from '@casa-js/base/internal'
import { withoutAlpha } from '@casa-js/vision/internal'
import type { VideoFrame } from '@casa-js/vlm'
import type { LiveFrame } from './protocol.ts'

export interface FrameQueue {
  push(frame: LiveFrame): void
  /** No more frames follow; a waiting frame is still delivered. */
  end(): void
  /** The frames, as the model requests them, each with how many were dropped since the one before it. */
  frames(): AsyncGenerator<VideoFrame & { dropped: number }, void>
}

/** @returns an empty queue */
export function createFrameQueue(): FrameQueue {
  const queue = createNewestQueue<LiveFrame>({ release: close })
  return {
    push: (frame) => void queue.push(frame),
    end: () => queue.end(),
    async *frames() {
      try {
        for (let taken = await queue.next(); taken; taken = await queue.next()) {
          const { item, dropped } = taken
          yield { image: pixelsOf(item.image), timeMs: item.timeMs, dropped }
        }
      } finally {
        queue.close()
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
