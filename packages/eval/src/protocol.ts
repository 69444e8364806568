/**
 * The CASA authors' evaluation protocol (arXiv 2512.19535 and their released script, 2026-07): prompts, cleaning and metrics of
 * nine benchmarks. Pictures at 896 px, 128 new tokens, greedy; Qwen models get the system prompt below.
 */
import type { Example, Message, RgbImage } from '@casa-js/core'
import { CasaError } from '@casa-js/base'
import {
  anlsStar,
  caselessMatch,
  looseMatch,
  type Metric,
  mme,
  multipleChoice,
  ocrBench,
  relaxedAccuracy,
  stripTrailingDots,
  vqaAccuracy,
} from './metrics/index.ts'
import { defineTask, type Task } from './task.ts'

export const casaSettings = { imageSizePx: 896, maxNewTokens: 128, qwenSystemPrompt: 'You are a helpful assistant.' } as const

/** A row of a benchmark, as its dataset has it. */
export interface BenchmarkRow {
  id: string
  images: RgbImage[]
  question: string
  /** Text, several right texts (DocVQA, InfoVQA, TextVQA, OCRBench), or the index of the right option (AI2D). */
  answer: string | readonly string[] | number
  /** AI2D */
  options?: readonly string[]
  /** MME: "count", "OCR", ..; the two questions about an image share a questionId. */
  category?: string
  questionId?: string
  /** OCRBench */
  dataset?: string
  questionType?: string
}

interface Benchmark<R> {
  ask(row: BenchmarkRow): string
  reference(row: BenchmarkRow): R
  clean(prediction: string): string
  metric: Metric<R>
}

const shortly = 'Answer the question using a single word or phrase.'
const askShortly = ({ question }: BenchmarkRow): string => `${question}\n${shortly}`
const asIs = (prediction: string): string => prediction
const document: Benchmark<readonly string[]> = {
  ask: askShortly,
  reference: texts,
  clean: (prediction) => stripTrailingDots(prediction).trim(),
  metric: anlsStar,
}

const benchmarks = {
  chartqa: define({ ask: askShortly, reference: text, clean: stripTrailingDots, metric: relaxedAccuracy }),
  docvqa: define(document),
  infovqa: define(document),
  textvqa: define({ ask: askShortly, reference: texts, clean: asIs, metric: vqaAccuracy }),
  realworldqa: define({ ask: askShortly, reference: text, clean: stripTrailingDots, metric: caselessMatch }),
  gqa: define({ ask: askShortly, reference: text, clean: asIs, metric: looseMatch }),
  mme: define({
    ask: ({ question }) => `${question.trim()}\n${shortly}`,
    reference: (row) => ({ answer: text(row), category: need(row, 'category'), questionId: need(row, 'questionId') }),
    clean: asIs,
    metric: mme,
  }),
  ocrbench: define({
    ask: ({ question }) => `${question}\nPlease directly answer the question.`,
    reference: (row) => ({ answer: texts(row), dataset: need(row, 'dataset'), questionType: need(row, 'questionType') }),
    clean: stripTrailingDots,
    metric: ocrBench,
  }),
  ai2d: define({
    ask: askChoices,
    reference: rightLetter,
    clean: (prediction) => prediction.replace(/^Answer: /, ''),
    metric: multipleChoice,
  }),
}

export type BenchmarkName = keyof typeof benchmarks
export const benchmarkNames = Object.keys(benchmarks) as BenchmarkName[]

/** A benchmark's rows as a task of the CASA protocol. The caller brings the rows: no benchmark's data comes with this package. */
export function casaTask(
  name: BenchmarkName,
  rows: { name: string; length: number; get(index: number): Promise<BenchmarkRow> },
): Task {
  const benchmark: Benchmark<any> = benchmarks[name]
  type Row = Example & { row: BenchmarkRow }
  return defineTask<unknown, Row>({
    name,
    dataset: {
      name: rows.name,
      length: rows.length,
      async get(index) {
        const row = await rows.get(index)
        const content = [
          ...row.images.map((image) => ({ type: 'image' as const, image })),
          { type: 'text' as const, text: benchmark.ask(row) },
        ]
        const messages: Message[] = [{ role: 'user', content }]
        return { id: row.id, task: row.category ?? row.questionType ?? name, messages, row }
      },
    },
    prompt: (example) => example.messages,
    reference: (example) => benchmark.reference(example.row),
    clean: benchmark.clean,
    metric: benchmark.metric,
    maxNewTokens: casaSettings.maxNewTokens,
  })
}

function define<R>(benchmark: Benchmark<R>): Benchmark<R> {
  return benchmark
}

function askChoices({ id, question, options }: BenchmarkRow): string {
  if (!options) throw new CasaError(`ai2d: row ${id}: expected options`)
  const asked = /[?.]$/.test(question.trim()) ? question : `${question}?`
  const choices = options.map((option, index) => `${letter(index)}. ${option}`).join('\n')
  return `Question: ${asked}\nChoices:\n${choices}\nAnswer with the letter.`
}

function rightLetter({ id, answer, options = [] }: BenchmarkRow): string {
  const index = Number(answer)
  if (!Number.isInteger(index) || index < 0 || index >= options.length) {
    throw new CasaError(
      `ai2d: row ${id}: answer: expected the index of one of ${options.length} options, got ${JSON.stringify(answer)}`,
    )
  }
  return letter(index)
}

function letter(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index)
}

function text({ id, answer }: BenchmarkRow): string {
  if (typeof answer === 'string') return answer
  throw new CasaError(`row ${id}: answer: expected a text, got ${JSON.stringify(answer)}`)
}

function texts({ id, answer }: BenchmarkRow): readonly string[] {
  if (typeof answer === 'string') return [answer]
  if (Array.isArray(answer)) return answer
  throw new CasaError(`row ${id}: answer: expected texts, got ${JSON.stringify(answer)}`)
}

function need(row: BenchmarkRow, field: 'category' | 'questionId' | 'dataset' | 'questionType'): string {
  const value = row[field]
  if (value === undefined) throw new CasaError(`row ${row.id}: ${field} is missing`)
  return value
}
