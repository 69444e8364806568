/** Computes the reported numbers from records. */
import { mean, type MetricSummary } from './metrics/index.ts'
import type { EvalRecord } from './results.ts'
import type { Task } from './task.ts'

export interface SummaryRow {
  task: string
  /** Set where the row is one group of the task's examples. */
  group?: string
  metric: string
  examples: number
  /** A share of 1, or points where the metric counts points (MME, OCRBench). */
  score: number
  unit: 'share' | 'points'
  /** 95 % interval: the metric's own, else of a share (Wilson) by the number of examples. */
  interval?: [number, number]
  /** The same score without pictures, if the baseline was run. */
  noImage?: number
  /** What the most frequent right answer would score if it were given every time: the score of guessing. */
  mostFrequent?: { answer: string; score: number }
  /** The metric's other numbers, e.g. precision and recall. */
  numbers: Record<string, number>
  /** The metric's own table, in Markdown. */
  table?: string
}

export interface EvalSummary {
  rows: SummaryRow[]
}

/** One row per task, and one for each of its groups where there are several. */
export function summarise(tasks: readonly Task[], records: readonly EvalRecord[]): EvalSummary {
  const rows = tasks.flatMap((task) => {
    const own = records.filter((record) => record.task === task.name)
    const groups = [...new Set(own.map((record) => record.group))]
    const parts =
      groups.length > 1 ? groups.map((group) => ({ group, records: own.filter((record) => record.group === group) })) : []
    return [row(task, own), ...parts.map((part) => ({ ...row(withMeanOnly(task), part.records), group: part.group }))]
  })
  return { rows: rows.filter((each) => each.examples > 0) }
}

/** The task with the mean as its only number: a metric of the whole task, such as MME's, may be undefined on a part. */
export function withMeanOnly(task: Task): Task {
  return { ...task, metric: { name: task.metric.name, score: task.metric.score } }
}

function row(task: Task, records: readonly EvalRecord[]): SummaryRow {
  const shown = records.filter((record) => record.pictures === 'shown')
  const blind = records.filter((record) => record.pictures === 'none')
  const { value, numbers, interval, table } = scoreOf(task, shown)
  const unit = task.metric.unit ?? 'share'
  // Of a stream there is no single right answer.
  const frequent = task.mode === 'stream' ? undefined : mostFrequentAnswer(shown)
  return {
    task: task.name,
    metric: task.metric.name,
    examples: shown.length,
    score: value,
    unit,
    ...(unit === 'share' && shown.length > 0 && { interval: interval ?? wilson(value, shown.length) }),
    ...(blind.length > 0 && { noImage: scoreOf(task, blind).value }),
    ...(frequent !== undefined && { mostFrequent: { answer: frequent, score: scoreOf(task, shown, frequent).value } }),
    numbers,
    ...(table !== undefined && { table }),
  }
}

/** @param said the answer to every question; the recorded ones unless given. */
function scoreOf(task: Task, records: readonly EvalRecord[], said?: string): { value: number } & Omit<MetricSummary, 'main'> {
  const answers = records.map(({ prediction, reference, score }) => ({
    prediction: task.clean(said ?? prediction),
    reference,
    score: said === undefined ? score : task.metric.score(task.clean(said), reference),
  }))
  const average = mean(answers.map(({ score }) => score))
  if (answers.length === 0 || !task.metric.summarise) return { value: average, numbers: {} }
  const { main, ...summary } = task.metric.summarise(answers)
  return { value: main === undefined ? average : summary.numbers[main]!, ...summary }
}

/** The right answer that most examples share; the first of several. Undefined where references hold no text. */
function mostFrequentAnswer(records: readonly EvalRecord[]): string | undefined {
  const counts = new Map<string, number>()
  for (const { reference } of records) {
    const text = answerText(reference)
    if (text !== undefined) counts.set(text, (counts.get(text) ?? 0) + 1)
  }
  const most = Math.max(...counts.values())
  return [...counts].find(([, count]) => count === most)?.[0]
}

/** References are a text, several right texts, or an object with an `answer` of either kind. */
function answerText(reference: unknown): string | undefined {
  if (typeof reference === 'string') return reference
  if (Array.isArray(reference)) return answerText(reference[0])
  return typeof reference === 'object' && reference !== null && 'answer' in reference ? answerText(reference.answer) : undefined
}

/** Wilson's interval of a share seen in n examples, at 95 %. */
export function wilson(share: number, n: number): [number, number] {
  const z = 1.959964
  const centre = (share + (z * z) / (2 * n)) / (1 + (z * z) / n)
  const half = (z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n)
  return [Math.max(0, centre - half), Math.min(1, centre + half)]
}

/** The table for a terminal or a model card, in Markdown, and below it those that metrics have of their own. */
export function formatSummary({ rows }: EvalSummary): string {
  const withBaseline = rows.some((each) => each.noImage !== undefined)
  const withFrequent = rows.some((each) => each.mostFrequent !== undefined)
  const cells = rows.map((each) => [
    each.group === undefined ? each.task : `${each.task}: ${each.group}`,
    each.metric,
    String(each.examples),
    formatScore(each.score, each.unit),
    each.interval ? each.interval.map((bound) => (100 * bound).toFixed(1)).join(' .. ') : '',
    ...(withBaseline ? [each.noImage === undefined ? '' : formatScore(each.noImage, each.unit)] : []),
    ...(withFrequent ? [each.mostFrequent ? formatScore(each.mostFrequent.score, each.unit) : ''] : []),
  ])
  const head = [
    'task',
    'metric',
    'examples',
    'score',
    '95 % interval',
    ...(withBaseline ? ['no image'] : []),
    ...(withFrequent ? ['most frequent'] : []),
  ]
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((line) => line[column]!.length)))
  const line = (values: string[]): string =>
    `| ${values.map((value, column) => (column < 2 ? value.padEnd(widths[column]!) : value.padStart(widths[column]!))).join(' | ')} |`
  const rule = `| ${widths.map((width, column) => (column < 2 ? '-'.repeat(width) : '-'.repeat(width - 1) + ':')).join(' | ')} |`
  const own = rows.flatMap(({ task, table }) => (table === undefined ? [] : ['', `${task}:`, '', table]))
  return [line(head), rule, ...cells.map(line), ...own].join('\n')
}

/** "12.3 %" of a share, "1234.5" of points. */
export function formatScore(value: number, unit: 'share' | 'points'): string {
  return unit === 'share' ? `${(100 * value).toFixed(1)} %` : value.toFixed(1)
}
