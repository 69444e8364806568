/** For live sources: returns the newest frame, drops older ones and counts them. */
import type { VideoEvent, VideoFrame } from './types.ts'

export interface NewestOptions {
  framesPerSecond: number
  /** Whether frames arrive in real time; otherwise they are delayed until their time. */
  realTime: boolean
  signal: AbortSignal
  /** Called when frames are dropped; `total` counts all so far. */
  onDrop(event: VideoEvent & { type: 'drop' }): void
}

/** Reads `frames` continuously and yields the newest one that has not been yielded yet. */
export async function* newestFrames(
  frames: AsyncGenerator<VideoFrame>,
  { framesPerSecond, realTime, signal, onDrop }: NewestOptions,
): AsyncGenerator<VideoFrame> {
  let newest: VideoFrame | undefined
  let ended = false
  let failure: { cause: unknown } | undefined
  let wake = () => {}
  const stop = new AbortController()

  async function read(): Promise<void> {
    let startedAt: number | undefined
    try {
      for await (const frame of frames) {
        if (stop.signal.aborted) return
        startedAt ??= performance.now() - frame.timeMs
        if (!realTime) await sleep(startedAt + frame.timeMs - performance.now(), stop.signal)
        if (stop.signal.aborted) return
        newest = frame
        wake()
      }
    } catch (cause) {
      failure = { cause }
    } finally {
      ended = true
      wake()
    }
  }

  const reading = read()
  const onAbort = () => wake()
  signal.addEventListener('abort', onAbort)
  let lastMs: number | undefined
  let total = 0
  try {
    for (;;) {
      while (!newest && !ended && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve))
      signal.throwIfAborted()
      const frame: VideoFrame | undefined = newest
      newest = undefined
      if (!frame) {
        if (failure) throw failure.cause
        return
      }
      const left = lastMs === undefined ? 0 : Math.round(((frame.timeMs - lastMs) * framesPerSecond) / 1000) - 1
      lastMs = frame.timeMs
      if (left > 0) onDrop({ type: 'drop', frames: left, total: (total += left), timeMs: frame.timeMs })
      yield frame
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    stop.abort()
    void reading
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
