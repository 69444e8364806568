import { PassingError } from './retry.ts'

/** Aborts a request that stands still; turns failures of the network into PassingError. */
export class Watchdog {
  private readonly controller = new AbortController()
  private readonly name: string
  private readonly stallMs: number
  private readonly outer?: AbortSignal | undefined
  private readonly follow = () => this.controller.abort(this.outer!.reason)

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
    const stalled = new PassingError(this.name, `nothing came for ${this.stallMs} ms`)
    const timer = setTimeout(() => this.controller.abort(stalled), this.stallMs)
    try {
      return await step
    } catch (error) {
      this.outer?.throwIfAborted()
      throw error instanceof PassingError ? error : new PassingError(this.name, `${reasonOf(error)}`, { cause: error })
    } finally {
      clearTimeout(timer)
    }
  }

  stop(): void {
    this.outer?.removeEventListener('abort', this.follow)
    this.controller.abort()
  }
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? `${message} (${cause.message})` : message
}
