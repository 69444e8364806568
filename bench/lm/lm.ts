/** What contestants of `pnpm bench lm` do, and what they print. */

export interface Timing {
  clockMs: number
  /** Over all threads of the process. */
  processorMs: number
}

/** One contestant on one number of threads. */
export interface LmResult {
  setting: string
  /** From the start of loading to a model that is ready. */
  load: Timing
  /** The prompt, all at once. */
  prefill: Timing
  /** One token of greedy decoding. */
  decode: Timing
  /** The first tokens of the answer, by which contestants are compared. */
  tokens: number[]
  peakBytes: number
  skipped?: string
}

/** A prompt without meaning: ids of ordinary tokens of SmolLM2, the same for every contestant. */
export function promptIds(count: number): Int32Array {
  let state = 7
  return Int32Array.from({ length: count }, () => 1000 + ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % 40_000))
}
