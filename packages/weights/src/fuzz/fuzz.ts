/**
 * Fuzzing: mutated inputs against something that reads untrusted data. Deterministic: case `index` of a seed is always the same
 * input, so that a failure is identified by two integers and can be reproduced alone.
 */
import { createRandom, type Random } from '@casa-js/core/random'

export interface FuzzTarget<T> {
  /** Valid inputs, which are mutated. */
  seeds: readonly T[]
  mutate(input: T, random: Random): T
  /** Reads the input; throws when it refuses it. */
  read(input: T): unknown
  /** Whether an input may be refused with this error. Anything else that is thrown is a failure. */
  isTyped(error: unknown): boolean
}

export interface FuzzOptions {
  cases: number
  /** Index of the first case, to continue a run or repeat one case. Default 0. */
  from?: number
  seed?: number
  /** A case that takes longer is a failure. Default 10,000. */
  limitMs?: number
  onCase?: (index: number) => void
}

export interface FuzzReport {
  cases: number
  /** Mutated inputs that were still valid. */
  accepted: number
  /** By rule of the error, or its name where it has none. */
  refused: Record<string, number>
  slowestMs: number
}

/** A failed case: an unexpected error or a timeout. `index` and `seed` reproduce it. */
export class FuzzFailure extends Error {
  override name = 'FuzzFailure'
  readonly index: number
  readonly input: unknown
  constructor(index: number, seed: number, input: unknown, message: string, cause?: unknown) {
    super(`case ${index} of seed ${seed}: ${message}`, { cause })
    this.index = index
    this.input = input
  }
}

/**
 * Reads mutated inputs and returns how many were accepted and refused.
 * @throws FuzzFailure at the first case that fails with an error other than a typed one, or takes too long.
 */
export async function fuzz<T>(target: FuzzTarget<T>, options: FuzzOptions): Promise<FuzzReport> {
  const { cases, from = 0, seed = 1, limitMs = 10_000 } = options
  const report: FuzzReport = { cases, accepted: 0, refused: {}, slowestMs: 0 }
  for (let index = from; index < from + cases; index++) {
    options.onCase?.(index)
    const input = mutated(target, seed, index)
    const begin = performance.now()
    try {
      await target.read(input)
      report.accepted++
    } catch (error) {
      if (!target.isTyped(error)) throw new FuzzFailure(index, seed, input, `threw ${String(error)}`, error)
      const { rule, name } = error as { rule?: string; name: string }
      report.refused[rule ?? name] = (report.refused[rule ?? name] ?? 0) + 1
    }
    const elapsedMs = performance.now() - begin
    report.slowestMs = Math.max(report.slowestMs, elapsedMs)
    if (elapsedMs > limitMs) throw new FuzzFailure(index, seed, input, `took ${Math.round(elapsedMs)} ms`)
  }
  return report
}

function mutated<T>({ seeds, mutate }: FuzzTarget<T>, seed: number, index: number): T {
  const random = createRandom(seed, index)
  let input = random.pick(seeds)
  const rounds = random.integer(1, 4)
  for (let round = 0; round < rounds; round++) input = mutate(input, random)
  return input
}
