/** The definition of a benchmark under a protocol, and helpers to read rows. */
import { CasaError } from '@casa-js/base'
import type { Metric } from '../metrics/index.ts'
import type { BenchmarkName, BenchmarkRow } from './row.ts'

export interface Benchmark {
  ask(row: BenchmarkRow): string
  /** The reference that the benchmark's metric compares with. */
  reference(row: BenchmarkRow): unknown
  clean(prediction: string): string
  metric: Metric<unknown>
  maxNewTokens: number
}

export type Protocol = Record<BenchmarkName, Benchmark>

/** Checks that reference and metric share the type R, then erases it, so that all tasks fit in one list. */
export function defineBenchmark<R>(benchmark: {
  ask(row: BenchmarkRow): string
  reference(row: BenchmarkRow): R
  clean?(prediction: string): string
  metric: Metric<R>
  maxNewTokens: number
}): Benchmark {
  return { clean: asIs, ...benchmark, metric: benchmark.metric as Metric<unknown> }
}

function asIs(prediction: string): string {
  return prediction
}

/** "Answer the question using a single word or phrase.", on a line of its own after the question. */
export function askShortly({ question }: BenchmarkRow): string {
  return `${question}\nAnswer the question using a single word or phrase.`
}

/** The answer, a text. @throws CasaError naming the row. */
export function text({ id, answer }: BenchmarkRow): string {
  if (typeof answer === 'string') return answer
  throw new CasaError(`row ${id}: answer: expected a text, got ${JSON.stringify(answer)}`)
}

/** The answers, one or several texts. @throws CasaError naming the row. */
export function texts({ id, answer }: BenchmarkRow): readonly string[] {
  if (typeof answer === 'string') return [answer]
  if (typeof answer === 'object') return answer
  throw new CasaError(`row ${id}: answer: expected texts, got ${JSON.stringify(answer)}`)
}

/** A field that this benchmark has. @throws CasaError naming row and field. */
export function need(row: BenchmarkRow, field: 'category' | 'questionId' | 'dataset' | 'questionType'): string {
  const value = row[field]
  if (value === undefined) throw new CasaError(`row ${row.id}: ${field} is missing`)
  return value
}

/** The letter of the right option. @throws CasaError naming the row. */
export function rightLetter({ id, answer, options = [] }: BenchmarkRow): string {
  const index = Number(answer)
  if (!Number.isInteger(index) || index < 0 || index >= options.length) {
    throw new CasaError(
      `ai2d: row ${id}: answer: expected the index of one of ${options.length} options, got ${JSON.stringify(answer)}`,
    )
  }
  return letter(index)
}

/** "A. first\nB. second". @throws CasaError naming the row. */
export function choices({ id, options }: BenchmarkRow): string {
  if (!options) throw new CasaError(`ai2d: row ${id}: expected options`)
  return options.map((option, index) => `${letter(index)}. ${option}`).join('\n')
}

function letter(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index)
}
