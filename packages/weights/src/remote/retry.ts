/** Retries: exponential back-off with jitter, Retry-After, and attempts that made progress are not counted. */
import { CasaError, WeightError } from '@casa-js/base'
import pRetry from 'p-retry'

export interface RetryOptions {
  /** Attempts beyond the first before giving up. Default 6. Attempts that brought new bytes are not counted. */
  retries?: number | undefined
  /** Wait before the first retry, doubled each time up to 30 s. Default 500. */
  firstDelayMs?: number | undefined
  /** Called before each wait, e.g. to tell the user. */
  onRetry?: ((retry: Retry) => void) | undefined
  signal?: AbortSignal | undefined
}

/** A failed attempt that is retried. */
export interface Retry {
  /** The address or name of the file being fetched. */
  file: string
  /** What went wrong. */
  reason: string
  /** Attempts so far. */
  attempts: number
  /** Wait that the server asked for, ms; the back-off comes on top. */
  retryAfterMs: number
}

interface PassingOptions {
  retryAfterMs?: number
  isUnreachable?: boolean
  isAnswer?: boolean
  cause?: unknown
}

/** A failure worth a retry: a broken connection, a stall, a busy server. */
export class PassingError extends CasaError {
  static override readonly code: string = 'http-passing'
  /** The server's Retry-After. */
  readonly retryAfterMs: number
  /** The request never reached its server. */
  readonly isUnreachable: boolean
  /** The server's response makes no sense; the same request usually gets the same response. */
  readonly isAnswer: boolean
  readonly file: string
  constructor(file: string, message: string, options: PassingOptions = {}) {
    super(message, { cause: options.cause })
    this.file = file
    this.retryAfterMs = options.retryAfterMs ?? 0
    this.isUnreachable = options.isUnreachable ?? false
    this.isAnswer = options.isAnswer ?? false
  }
}

/** Longest Retry-After that is honoured. */
const longestWaitMs = 120_000

/** Fewer new bytes than this do not count as progress: a server that disconnects after every few bytes uses up its retries. */
export const headwayBytes = 64 << 10

/**
 * Runs `attempt` again while it throws PassingError; any other error is rethrown at once. `broughtBytes` returns the bytes that the
 * last attempt added. A server that was never reached is tried twice, and so is one that gives the same invalid response twice.
 * @throws WeightError when the retries are used up.
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  options: RetryOptions,
  broughtBytes: () => number = () => 0,
): Promise<T> {
  let attempts = 0
  let wasReached = false
  let lastAnswer: string | undefined
  const isHopeless = (error: PassingError) => {
    wasReached ||= !error.isUnreachable || broughtBytes() > 0
    const isRepeated = error.isAnswer && error.message === lastAnswer
    lastAnswer = error.isAnswer ? error.message : undefined
    return isRepeated || (!wasReached && attempts >= 2)
  }
  let gaveUp = false
  try {
    return await pRetry(
      () => {
        attempts++
        return attempt()
      },
      {
        retries: options.retries ?? 6,
        minTimeout: options.firstDelayMs ?? 500,
        maxTimeout: 30_000,
        randomize: true,
        ...(options.signal && { signal: options.signal }),
        shouldRetry: ({ error }) => error instanceof PassingError && !gaveUp,
        shouldConsumeRetry: () => broughtBytes() < headwayBytes,
        onFailedAttempt: async ({ error, retriesLeft }) => {
          if (!(error instanceof PassingError)) return
          gaveUp = isHopeless(error)
          if (gaveUp || retriesLeft === 0) return
          const { file, message: reason, retryAfterMs } = error
          options.onRetry?.({ file, reason, attempts, retryAfterMs })
          await sleep(Math.min(retryAfterMs, longestWaitMs), options.signal)
        },
      },
    )
  } catch (error) {
    if (!(error instanceof PassingError)) throw error
    const { file, message } = error
    const tries = attempts === 1 ? 'one attempt' : `${attempts} attempts`
    const why = error.isUnreachable ? `the server cannot be reached: ${message}` : message
    throw new WeightError(`${file}: gave up after ${tries}: ${why}`, { file, rule: 'http', cause: error })
  }
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (ms <= 0) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal!.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
