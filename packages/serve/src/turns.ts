/**
 * Limits how many answers run at once, and queues the rest. Running answers are interleaved token by token, since each yields before
 * every token; so a long answer does not block a short one.
 */
import { RequestError } from './errors.ts'

/** Created by `createTurns`. */
export interface Turns {
  readonly running: number
  readonly waiting: number
  /**
   * Wait for a slot, first come first served.
   * @returns a function that releases the slot
   * @throws RequestError with status 429 at once when the queue is full; the signal's reason on abort
   */
  take(signal: AbortSignal): Promise<() => void>
  /** Estimated seconds until a slot is free, for Retry-After. At least 1. */
  retryAfterSeconds(): number
}

/**
 * @param maxRunning answers generated at once
 * @param maxWaiting requests that may wait for a slot; more are rejected
 */
export function createTurns(maxRunning: number, maxWaiting: number): Turns {
  const queue: (() => void)[] = []
  let running = 0
  /** Moving average of the time per answer. */
  let meanSeconds = 1

  const begin = () => {
    running++
    const start = performance.now()
    let given = false
    return () => {
      if (given) return
      given = true
      running--
      meanSeconds += 0.2 * ((performance.now() - start) / 1000 - meanSeconds)
      queue.shift()?.()
    }
  }

  const turns: Turns = {
    get running() {
      return running
    },
    get waiting() {
      return queue.length
    },
    retryAfterSeconds: () => Math.min(600, Math.max(1, Math.ceil((meanSeconds * (queue.length + 1)) / maxRunning))),
    async take(signal) {
      signal.throwIfAborted()
      if (running < maxRunning) return begin()
      if (queue.length >= maxWaiting)
        throw new RequestError(
          429,
          `${running} requests are running and ${queue.length} are waiting: try again later`,
          null,
          'busy',
        )
      return new Promise((resolve, reject) => {
        const called = () => {
          signal.removeEventListener('abort', left)
          resolve(begin())
        }
        const left = () => {
          queue.splice(queue.indexOf(called), 1)
          reject(signal.reason as Error)
        }
        signal.addEventListener('abort', left, { once: true })
        queue.push(called)
      })
    },
  }
  return turns
}
