/** Computes the reported numbers from results. */
import { atEqualFlops, type EqualFlops } from './equal-flops.ts'
import type { StudyPlan } from './plan.ts'
import { accuracyOf, type CellResult } from './results.ts'
import { meanWithInterval, pairedTest, type Mean, type PairedTest } from './statistics.ts'

/** One level of the compared factor under one combination of the others. */
export interface VariantRow {
  /** Levels of the other factors. */
  setting: Record<string, string>
  variant: string
  accuracy: Mean
  /** Held-out loss at the end, nats per answer token. */
  loss: Mean
  /** Of the first seed: the same for all. */
  costs: CellResult['costs']
  steps: number
  /** Against the baseline, on the seeds that both have. Not for the baseline itself. */
  test?: PairedTest
  /** At the training operations that the cheapest variant of this setting ended with, read off the curves. */
  equal?: EqualFlops
  results: CellResult[]
}

export interface StudySummary {
  rows: VariantRow[]
  /** Cells with a result, and their total number. */
  done: number
  total: number
  /** Code versions among the results; the report says if there is more than one. */
  codes: string[]
}

/** Rows in the plan's order: by setting, then by variant. */
export function summariseStudy(plan: StudyPlan, results: readonly CellResult[]): StudySummary {
  const planned = new Set(plan.cells.map(({ key }) => key))
  const own = results.filter(({ key }) => planned.has(key))
  const groups = new Map<string, CellResult[]>()
  for (const { levels } of plan.cells) groups.set(JSON.stringify(levels), [])
  for (const result of own) groups.get(JSON.stringify(result.levels))?.push(result)
  const rows: VariantRow[] = []
  for (const [key, group] of groups) {
    if (group.length === 0) continue
    const levels = JSON.parse(key) as Record<string, string>
    const { [plan.compare]: variant, ...setting } = levels
    const baseline = groups.get(JSON.stringify({ ...levels, [plan.compare]: plan.baseline })) ?? []
    const test = variant === plan.baseline ? undefined : compareResults(group, baseline)
    rows.push({
      setting,
      variant: variant!,
      accuracy: meanWithInterval(group.map(accuracyOf)),
      loss: meanWithInterval(group.map(({ curve }) => curve.at(-1)!.loss)),
      costs: group[0]!.costs,
      steps: group[0]!.steps,
      ...(test && { test }),
      results: group,
    })
  }
  addEqualFlops(rows, plan.baseline)
  rows.sort((one, other) => Object.values(one.setting).join().localeCompare(Object.values(other.setting).join()))
  return { rows, done: own.length, total: plan.cells.length, codes: [...new Set(own.map(({ code }) => code))] }
}

function addEqualFlops(rows: readonly VariantRow[], baseline: string): void {
  for (const setting of new Set(rows.map((row) => JSON.stringify(row.setting)))) {
    const group = rows.filter((row) => JSON.stringify(row.setting) === setting)
    const equal = atEqualFlops(
      group.map(({ variant, results, costs }) => ({ variant, curves: results, sees: costs.bytesPerImage > 0 })),
      baseline,
    )
    for (const row of group) {
      const found = equal.get(row.variant)
      if (found) row.equal = found
    }
  }
}

/** On the seeds that both have, by the examples that both were asked. undefined where there are none. */
function compareResults(first: readonly CellResult[], second: readonly CellResult[]): PairedTest | undefined {
  const pairs = first.flatMap((one) => {
    const other = second.find(({ seed }) => seed === one.seed)
    if (!other) return []
    const rightOfOther = new Map(other.answers.map(({ id, task, correct }) => [`${task} ${id}`, correct]))
    const shared = one.answers.filter(({ id, task }) => rightOfOther.has(`${task} ${id}`))
    return [
      { first: shared.map(({ correct }) => correct), second: shared.map(({ id, task }) => rightOfOther.get(`${task} ${id}`)!) },
    ]
  })
  return pairs.length === 0 ? undefined : pairedTest(pairs)
}

/** The table in Markdown: one line per variant and setting. */
export function formatStudy(plan: StudyPlan, { rows }: StudySummary): string {
  const others = Object.keys(plan.factors).filter((factor) => factor !== plan.compare)
  const head = [
    ...others,
    plan.compare,
    'seeds',
    'exact match',
    '95 % interval',
    `against ${plan.baseline}`,
    'p seeds',
    'p examples',
    'loss',
    'steps',
    'at equal operations',
    'difference there',
    'p there',
    'GFLOP per example',
    'parameters',
    'bytes per image',
  ]
  const lines = rows.map(({ setting, variant, accuracy, loss, costs, steps, test, equal }) => [
    ...others.map((factor) => setting[factor]!),
    variant,
    String(accuracy.n),
    percent(accuracy.mean),
    formatInterval(accuracy, 100),
    test ? formatDifference(test.difference) : '',
    test?.pSeeds === undefined ? '' : formatP(test.pSeeds),
    test ? formatP(test.pExamples) : '',
    loss.mean.toFixed(3),
    String(steps),
    equal ? percent(equal.accuracy.mean) : '',
    equal?.difference ? formatDifference(equal.difference) : '',
    equal?.p === undefined ? '' : formatP(equal.p),
    ((costs.forwardFlops + costs.backwardFlops) / 1e9).toFixed(3),
    costs.parameters.toLocaleString('en'),
    costs.bytesPerImage.toLocaleString('en'),
  ])
  return [head, head.map((_, i) => (i <= others.length ? '---' : '--:')), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

/** "12.3 %" */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

/** "1.2 .. 3.4", or nothing for a single value. */
export function formatInterval({ interval }: Mean, scale = 1): string {
  return interval ? interval.map((end) => (scale * end).toFixed(1)).join(' .. ') : ''
}

/** "0.012", "< 0.001" */
export function formatP(p: number): string {
  return p < 0.001 ? '< 0.001' : p.toFixed(3)
}

/** "+1.2 (-0.3 .. 2.7)", in points */
export function formatDifference(difference: Mean): string {
  return `${signed(100 * difference.mean)} ${bracketed(formatInterval(difference, 100))}`.trim()
}

function signed(value: number): string {
  return `${value >= 0 ? '+' : ''}${value.toFixed(1)}`
}

function bracketed(text: string): string {
  return text && `(${text})`
}
