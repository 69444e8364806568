/** Reads frames one at a time, from a source that waits (a file) or one that does not (a camera). */
import { createNewestQueue, unlessAborted } from '@casa-js/base/internal'
import type { VideoFrame } from './options.ts'

export interface FrameQueue {
  /** The next frame, and how many were skipped before it; undefined when the source has ended. */
  next(): Promise<{ frame: VideoFrame; dropped: number } | undefined>
  /** Tell the source to stop. */
  close(): void
}

type Frames = AsyncIterable<VideoFrame> | Iterable<VideoFrame>

const iteratorOf = (frames: Frames): AsyncIterator<VideoFrame> | Iterator<VideoFrame> =>
  Symbol.asyncIterator in frames ? frames[Symbol.asyncIterator]() : frames[Symbol.iterator]()

/** Not awaited, as the source may be waiting for a frame that never comes. */
function leave(iterator: AsyncIterator<VideoFrame> | Iterator<VideoFrame>): void {
  void Promise.resolve(iterator.return?.()).catch(() => {})
}

/** Every frame, pulled on demand. */
export function everyFrame(frames: Frames, signal?: AbortSignal): FrameQueue {
  const iterator = iteratorOf(frames)
  return {
    async next() {
      const { done, value } = await unlessAborted(iterator.next(), signal)
      return done ? undefined : { frame: value, dropped: 0 }
    },
    close: () => leave(iterator),
  }
}

/**
 * The newest frame; frames are read as they arrive.
 * @param isPaused while it returns true, frames are skipped without being counted as dropped
 */
export function newestFrame(frames: Frames, isPaused: () => boolean, signal?: AbortSignal): FrameQueue {
  const iterator = iteratorOf(frames)
  const queue = createNewestQueue<VideoFrame>()

  async function pump() {
    try {
      let step = await iterator.next()
      while (!step.done && queue.push(step.value, !isPaused())) step = await iterator.next()
      queue.end()
    } catch (error) {
      queue.end({ error })
    }
  }
  void pump()

  return {
    async next() {
      const taken = await queue.next(signal)
      return taken && { frame: taken.item, dropped: taken.dropped }
    },
    close() {
      queue.close()
      leave(iterator)
    },
  }
}
