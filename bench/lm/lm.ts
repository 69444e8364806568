/** What contestants of `pnpm bench lm` do, and what they print. */
import { processorMs } from '../processor-time.node.ts'

export interface Timing {
  clockMs: number
  /** Over all threads of the process. */
  processorMs: number
}

/** One contestant on one number of threads. */
export interface LmResult {
  setting: string
  /** Prompts and decodings that were timed, of which the least counts. */
  rounds: number
  /** From the start of the process to the first token after a prompt of 24. */
  firstToken: Timing
  /** A prompt of 512 tokens, all at once. */
  prefill: Timing
  /** One token of greedy decoding after it. */
  decode: Timing
  /** The first tokens of the answer, by which contestants are compared. */
  tokens: number[]
  /** Largest resident memory of the process. */
  peakBytes: number
}

/** Something else that was measured. */
export interface LmExtra extends Timing {
  what: string
  setting: string
}

export const shortPrompt = 24
/** Rounds are repeated, and the least time of each kind counts. CASA_BENCH_ROUNDS=1 is for trying whether a contestant runs. */
export const rounds = Number(process.env.CASA_BENCH_ROUNDS ?? 3)

/** A prompt without meaning: ids of ordinary tokens of SmolLM2, the same for every contestant. */
export function promptIds(count: number): Int32Array {
  let state = 7
  return Int32Array.from({ length: count }, () => 1000 + ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % 40_000))
}

export async function timed<T>(run: () => Promise<T>): Promise<[T, Timing]> {
  const [start, processorStart] = [performance.now(), processorMs()]
  const result = await run()
  return [result, { clockMs: performance.now() - start, processorMs: processorMs() - processorStart }]
}

/** Since the process started. */
export const sinceStart = (): Timing => ({ clockMs: performance.now(), processorMs: processorMs() })

export const per = ({ clockMs, processorMs }: Timing, count: number): Timing => ({
  clockMs: clockMs / count,
  processorMs: processorMs / count,
})

/** The least of each time. */
export const least = (timings: Timing[]): Timing => ({
  clockMs: Math.min(...timings.map(({ clockMs }) => clockMs)),
  processorMs: Math.min(...timings.map(({ processorMs }) => processorMs)),
})
