/** Reads frames one at a time, from a source that waits (a file) or one that does not (a camera). */
import { unlessAborted } from '@casa-js/base/internal'
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
  let newest: VideoFrame | undefined
  let dropped = 0
  let ended = false
  let failure: { error: unknown } | undefined
  let wake = () => {}

  async function pump() {
    try {
      for (let step = await iterator.next(); !step.done && !ended; step = await iterator.next()) {
        if (newest && !isPaused()) dropped++
        newest = step.value
        wake()
      }
    } catch (error) {
      failure = { error }
    }
    ended = true
    wake()
  }
  void pump()

  return {
    async next() {
      while (!newest && !ended) {
        await unlessAborted(new Promise<void>((resolve) => (wake = resolve)), signal)
      }
      if (!newest) {
        if (failure) throw failure.error
        return undefined
      }
      const taken = { frame: newest, dropped }
      newest = undefined
      dropped = 0
      return taken
    },
    close() {
      ended = true
      leave(iterator)
    },
  }
}
