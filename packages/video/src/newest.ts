/** For live sources: returns the newest frame, drops older ones and counts them. */
import { createNewestQueue } from '@casa-js/base/internal'
import type { VideoEvent, VideoFrame } from './types.ts'

export interface NewestOptions {
  framesPerSecond: number
  /** Whether frames arrive in real time; otherwise they are delayed until their time. */
  realTime: boolean
  signal: AbortSignal
  /** Called when frames are dropped; `total` counts all so far. */
  onDrop(event: VideoEvent & { type: 'drop' }): void
}

/**
 * Reads `frames` continuously and yields the newest one that has not been yielded yet. Times at which the source itself gave no frame, since
 * it was late, count as dropped too.
 */
export async function* newestFrames(
  frames: AsyncGenerator<VideoFrame>,
  { framesPerSecond, realTime, signal, onDrop }: NewestOptions,
): AsyncGenerator<VideoFrame> {
  const queue = createNewestQueue<VideoFrame>()
  const stop = new AbortController()

  async function read(): Promise<void> {
    let startedAt: number | undefined
    let lastMs: number | undefined
    try {
      for await (const frame of frames) {
        if (stop.signal.aborted) return
        startedAt ??= performance.now() - frame.timeMs
        if (!realTime) await sleep(startedAt + frame.timeMs - performance.now(), stop.signal)
        if (lastMs !== undefined) queue.miss(Math.max(0, Math.round(((frame.timeMs - lastMs) * framesPerSecond) / 1000) - 1))
        lastMs = frame.timeMs
        if (!queue.push(frame)) return
      }
      queue.end()
    } catch (error) {
      queue.end({ error })
    }
  }

  void read()
  let total = 0
  try {
    for (;;) {
      signal.throwIfAborted()
      const taken = await queue.next(signal)
      if (!taken) return
      const { item: frame, dropped } = taken
      if (dropped > 0) onDrop({ type: 'drop', frames: dropped, total: (total += dropped), timeMs: frame.timeMs })
      yield frame
    }
  } finally {
    queue.close()
    stop.abort()
  }
}

/** Wait, at most until the signal aborts. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
