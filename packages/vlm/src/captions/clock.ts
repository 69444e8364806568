/** A clock that stops while paused. Captions, time budgets and lag all use it. */
export interface Clock {
  /** Milliseconds since it was created, without pauses. */
  elapsedMs(): number
  readonly paused: boolean
  pause(): void
  resume(): void
  /** Resolves when the clock is running, or the signal aborts. */
  running(signal?: AbortSignal): Promise<void>
}

/** @param now milliseconds of a clock that never stops */
export function createClock(now: () => number): Clock {
  const start = now()
  let pausedAt: number | undefined
  let pausedMs = 0
  let wake: (() => void)[] = []
  return {
    elapsedMs: () => (pausedAt ?? now()) - start - pausedMs,
    get paused() {
      return pausedAt !== undefined
    },
    pause() {
      pausedAt ??= now()
    },
    resume() {
      if (pausedAt === undefined) return
      pausedMs += now() - pausedAt
      pausedAt = undefined
      for (const each of wake) each()
      wake = []
    },
    async running(signal) {
      while (pausedAt !== undefined && !signal?.aborted) {
        await new Promise<void>((resolve) => {
          wake.push(resolve)
          signal?.addEventListener('abort', () => resolve(), { once: true })
        })
      }
    },
  }
}
