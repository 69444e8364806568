/**
 * Who may generate, and who waits. Answers that run at once take turns token by token, as each of them gives way to the others before
 * every token; so a long answer does not hold up a short one.
 */
import { RequestError } from './errors.ts'

/** Made by `createTurns`. */
export interface Turns {
  readonly running: number
  readonly waiting: number
  /**
   * Wait for a place, first come first served.
   * @returns what gives the place back
   * @throws RequestError with 429 at once when too many wait; the signal's reason when it aborts
   */
  take(signal: AbortSignal): Promise<() => void>
  /** Seconds until a place is likely to be free: what Retry-After says. At least 1. */
  retryAfterSeconds(): number
}

/**
 * @param maxRunning answers generated at once
 * @param maxWaiting requests that wait for a place; more are refused
 */
export function createTurns(maxRunning: number, maxWaiting: number): Turns {
  const queue: (() => void)[] = []
  let running = 0
  /** Of an answer, over the last few. */
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
