/** From records to the numbers that are reported. */
import { mean } from './metrics/index.ts'
import type { EvalRecord, Pictures } from './results.ts'
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
  /** 95 % interval of a share (Wilson), by the number of examples. */
  interval?: [number, number]
  /** The same score without pictures, where that was asked. */
  noImage?: number
  /** The metric's other numbers, e.g. precision and recall. */
  numbers: Record<string, number>
}

export interface EvalSummary {
  rows: SummaryRow[]
}

/** One row a task, and one for each of its groups where there are several. */
export function summarise(tasks: readonly Task[], records: readonly EvalRecord[]): EvalSummary {
  const rows = tasks.flatMap((task) => {
    const own = records.filter((record) => record.task === task.name)
    const groups = [...new Set(own.map((record) => record.group))]
    const parts =
      groups.length > 1 ? groups.map((group) => ({ group, records: own.filter((record) => record.group === group) })) : []
    return [row(task, own), ...parts.map((part) => ({ ...row(groupTask(task), part.records), group: part.group }))]
  })
  return { rows: rows.filter((each) => each.examples > 0) }
}

/** Within a group only the mean counts: a metric of the whole, as MME's, need not be defined on a part. */
function groupTask(task: Task): Task {
  return { ...task, metric: { name: task.metric.name, score: task.metric.score } }
}

function row(task: Task, records: readonly EvalRecord[]): SummaryRow {
  const shown = score(task, records, 'shown')
  const blind = score(task, records, 'none')
  const { examples, value, numbers } = shown
  const unit = task.metric.unit ?? 'share'
  return {
    task: task.name,
    metric: task.metric.name,
    examples,
    score: value,
    unit,
    ...(unit === 'share' && examples > 0 && { interval: wilson(value, examples) }),
    ...(blind.examples > 0 && { noImage: blind.value }),
    numbers,
  }
}

function score(
  task: Task,
  records: readonly EvalRecord[],
  pictures: Pictures,
): { examples: number; value: number; numbers: Record<string, number> } {
  const own = records.filter((record) => record.pictures === pictures)
  const answers = own.map(({ prediction, reference, score: value }) => ({
    prediction: task.clean(prediction),
    reference,
    score: value,
  }))
  const average = mean(own.map((record) => record.score))
  if (own.length === 0 || !task.metric.summarise) return { examples: own.length, value: average, numbers: {} }
  const { numbers, main } = task.metric.summarise(answers)
  return { examples: own.length, value: main === undefined ? average : numbers[main]!, numbers }
}

/** Wilson's interval of a share seen in n examples, at 95 %. */
export function wilson(share: number, n: number): [number, number] {
  const z = 1.959964
  const centre = (share + (z * z) / (2 * n)) / (1 + (z * z) / n)
  const half = (z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n)
  return [Math.max(0, centre - half), Math.min(1, centre + half)]
}

/** The table for a terminal or a model card, in Markdown. */
export function formatSummary({ rows }: EvalSummary): string {
  const withBaseline = rows.some((each) => each.noImage !== undefined)
  const cells = rows.map((each) => [
    each.group === undefined ? each.task : `${each.task}: ${each.group}`,
    each.metric,
    String(each.examples),
    formatScore(each.score, each.unit),
    each.interval ? each.interval.map((bound) => (100 * bound).toFixed(1)).join(' .. ') : '',
    ...(withBaseline ? [each.noImage === undefined ? '' : formatScore(each.noImage, each.unit)] : []),
  ])
  const head = ['task', 'metric', 'examples', 'score', '95 % interval', ...(withBaseline ? ['no image'] : [])]
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((line) => line[column]!.length)))
  const line = (values: string[]): string =>
    `| ${values.map((value, column) => (column < 2 ? value.padEnd(widths[column]!) : value.padStart(widths[column]!))).join(' | ')} |`
  const rule = `| ${widths.map((width, column) => (column < 2 ? '-'.repeat(width) : '-'.repeat(width - 1) + ':')).join(' | ')} |`
  return [line(head), rule, ...cells.map(line)].join('\n')
}

export function formatScore(value: number, unit: 'share' | 'points'): string {
  return unit === 'share' ? `${(100 * value).toFixed(1)} %` : value.toFixed(1)
}
