/** Throughput over recent updates, and the estimated time left. */

const WINDOW = 20

/** Recent updates and the throughput computed from them. */
export class Throughput {
  readonly #window: { ms: number; tokens: number; examples: number }[] = []

  /** Counts one update. */
  add(update: { ms: number; tokens: number; examples: number }): void {
    this.#window.push(update)
    if (this.#window.length > WINDOW) this.#window.shift()
  }

  /** @param left updates still to do. */
  report(left: number): { tokensPerSecond: number; examplesPerSecond: number; etaMs: number } {
    const ms = this.#sum('ms')
    const perSecond = (amount: number) => (amount * 1000) / Math.max(ms, 1e-3)
    return {
      tokensPerSecond: perSecond(this.#sum('tokens')),
      examplesPerSecond: perSecond(this.#sum('examples')),
      etaMs: (left * ms) / this.#window.length,
    }
  }

  #sum(of: 'ms' | 'tokens' | 'examples'): number {
    return this.#window.reduce((total, update) => total + update[of], 0)
  }
}
