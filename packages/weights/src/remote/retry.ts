/** Trying again: exponential back-off with jitter, a server's Retry-After, and no charge for an attempt that moved things on. */
import { CasaError, WeightError } from '@casa-js/base'
import pRetry from 'p-retry'

export interface RetryOptions {
  /** Attempts beyond the first before giving up. Default 6. Attempts that brought new bytes are not counted. */
  retries?: number | undefined
  /** Wait before the first retry, doubled each time up to 30 s. Default 500. */
  firstDelayMs?: number | undefined
  signal?: AbortSignal | undefined
}

/** Something that may go better next time: a cut connection, a stall, a busy server. */
export class PassingError extends CasaError {
  /** The server's Retry-After. */
  readonly retryAfterMs: number
  readonly file: string
  constructor(file: string, message: string, options: { retryAfterMs?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.file = file
    this.retryAfterMs = options.retryAfterMs ?? 0
  }
}

/** A wait that a server asks for is honoured up to this. */
const longestWaitMs = 120_000

/** Fewer new bytes than this are no headway: a server that cuts after every few bytes uses up its retries. */
export const headwayBytes = 64 << 10

/**
 * Runs `attempt` again while it throws PassingError; whatever else it throws ends the matter at once. `broughtBytes` tells what the
 * last attempt brought for good.
 * @throws WeightError when the retries are used up.
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  options: RetryOptions,
  broughtBytes: () => number = () => 0,
): Promise<T> {
  let attempts = 0
  const counted = () => {
    attempts++
    return attempt()
  }
  try {
    return await retry(counted, options, broughtBytes)
  } catch (error) {
    if (!(error instanceof PassingError)) throw error
    const { file, message } = error
    throw new WeightError(`${file}: gave up after ${attempts} attempts: ${message}`, { file, rule: 'http' })
  }
}

function retry<T>(attempt: () => Promise<T>, options: RetryOptions, broughtBytes: () => number): Promise<T> {
  return pRetry(attempt, {
    retries: options.retries ?? 6,
    minTimeout: options.firstDelayMs ?? 500,
    maxTimeout: 30_000,
    randomize: true,
    signal: options.signal,
    shouldRetry: ({ error }) => error instanceof PassingError,
    shouldConsumeRetry: () => broughtBytes() < headwayBytes,
    onFailedAttempt: async ({ error, retriesLeft }) => {
      if (error instanceof PassingError && retriesLeft > 0)
        await sleep(Math.min(error.retryAfterMs, longestWaitMs), options.signal)
    },
  })
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
