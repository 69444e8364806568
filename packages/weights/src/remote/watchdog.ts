import { PassingError } from './retry.ts'

/** A slower connection counts as stalled: a gigabyte would take two weeks. */
const slowestBytesPerSecond = 1024

/**
 * Aborts a stalled or very slow request: during `stallMs` of waiting at least a kilobyte per second must arrive. Turns failures of the
 * network into PassingError. Time spent by the consumer of the bytes does not count.
 */
export class Watchdog {
  private readonly controller = new AbortController()
  private readonly name: string
  private readonly stallMs: number
  private readonly outer?: AbortSignal | undefined
  private readonly follow = () => this.controller.abort(this.outer!.reason)
  /** Time waited and bytes received since the last check that passed. */
  private waitedMs = 0
  private receivedBytes = 0

  constructor(name: string, stallMs: number, outer?: AbortSignal) {
    this.name = name
    this.stallMs = stallMs
    this.outer = outer
    outer?.throwIfAborted()
    outer?.addEventListener('abort', this.follow, { once: true })
  }

  get signal(): AbortSignal {
    return this.controller.signal
  }

  async guard<T>(step: Promise<T>): Promise<T> {
    const begin = performance.now()
    const timer = setTimeout(() => this.controller.abort(this.stalled()), Math.max(0, this.stallMs - this.waitedMs))
    try {
      return await step
    } catch (error) {
      this.outer?.throwIfAborted()
      if (error instanceof PassingError) throw error
      throw new PassingError(this.name, reasonOf(error), { cause: error, isUnreachable: isUnreachable(error) })
    } finally {
      clearTimeout(timer)
      this.waitedMs += performance.now() - begin
    }
  }

  /** Reports received bytes. */
  received(bytes: number): void {
    this.receivedBytes += bytes
    if (this.receivedBytes < (this.stallMs / 1000) * slowestBytesPerSecond) return
    this.waitedMs = 0
    this.receivedBytes = 0
  }

  stop(): void {
    this.outer?.removeEventListener('abort', this.follow)
    this.controller.abort()
  }

  private stalled(): PassingError {
    const what = this.receivedBytes === 0 ? 'nothing' : `only ${this.receivedBytes} bytes`
    return new PassingError(this.name, `${what} came for ${this.stallMs} ms`)
  }
}

/** System error codes of an unreachable host: no network, unknown name, connection refused. */
const unreachableCodes = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ENETDOWN',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** Whether a failed request never reached its server. */
export function isUnreachable(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (unreachableCodes.has((at as Error & { code?: string }).code ?? '')) return true
  }
  return typeof navigator !== 'undefined' && navigator.onLine === false
}

/** The network's error message for a failed request. */
export function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  // Several addresses of one host failed: the reason is with each of them.
  const inner = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause
  return inner instanceof Error ? `${message} (${inner.message})` : message
}
