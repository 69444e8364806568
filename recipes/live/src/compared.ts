/** What a comparison over seeds says: a table and a chart in which each mean is over seeds. */
import { chartFile } from '@casa-js/eval/internal'
import { meanWithInterval } from '@casa-js/study'
import { eventKinds } from './scene.ts'
import { measures, scoreScenes, total, type Said } from './score.ts'
import { variants, type Variant } from './variants.ts'

/** One variant with one seed. */
export interface ComparedCell {
  variant: Variant
  seed: number
  /** Of each update, nats per token. No clip is seen twice. */
  losses: number[]
  /** Of training, in the process that did it. */
  processorSeconds: number
  /** Held-out scenes. */
  scenes: Said[][]
}

type Measure = (cell: ComparedCell) => number

/** Updates that the loss at the end is a mean of. */
const lastUpdates = 50
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

const rows: { name: string; of: Measure; digits: number; isShare?: boolean }[] = [
  { name: 'F1 of all', of: ({ scenes }) => measures(total(scoreScenes(scenes))).f1, digits: 1, isShare: true },
  ...eventKinds.map((kind) => ({
    name: kind,
    of: ({ scenes }: ComparedCell) => measures(scoreScenes(scenes).kinds[kind]).f1,
    digits: 1,
    isShare: true,
  })),
  { name: 'kind seen', of: ({ scenes }) => measures(total(scoreScenes(scenes))).kindRecall, digits: 1, isShare: true },
  { name: 'silence kept', of: ({ scenes }) => silence(scenes), digits: 1, isShare: true },
  { name: 'delay (frames)', of: ({ scenes }) => measures(total(scoreScenes(scenes))).delayFrames, digits: 2 },
  { name: `loss, last ${lastUpdates} updates`, of: ({ losses }) => mean(losses.slice(-lastUpdates)), digits: 3 },
  { name: 'processor seconds of training', of: ({ processorSeconds }) => processorSeconds, digits: 0 },
]

function silence(scenes: readonly Said[][]): number {
  const { kept, quiet } = scoreScenes(scenes)
  return kept / quiet
}

/**
 * A Markdown table, a column for each variant: means over seeds with 95 % intervals of Student's t, and below it the difference of each
 * variant from the first in F1, paired by seed.
 */
export function comparisonTable(cells: readonly ComparedCell[]): string {
  const columns = variants.filter((variant) => cells.some((cell) => cell.variant === variant))
  const cellsOf = (variant: Variant) => cells.filter((cell) => cell.variant === variant)
  const lines = rows.map(({ name, of, digits, isShare = false }) => [
    name,
    ...columns.map((variant) => estimate(cellsOf(variant).map(of), digits, isShare)),
  ])
  const [base, ...others] = columns
  const f1 = rows[0]!.of
  const differences = others.map((variant) => {
    const pairs = cellsOf(variant).flatMap((cell) => {
      const other = cellsOf(base!).find(({ seed }) => seed === cell.seed)
      return other ? [f1(cell) - f1(other)] : []
    })
    return `${variant} ${points(pairs)}`
  })
  return [
    `| | ${columns.join(' | ')} |`,
    `| --- |${' ---: |'.repeat(columns.length)}`,
    ...lines.map((line) => `| ${line.join(' | ')} |`),
    '',
    `Seeds: ${columns.map((variant) => `${variant} ${cellsOf(variant).length}`).join(', ')}. F1 less that of ${base}, in points, paired by seed: ${differences.join('; ')}.`,
  ].join('\n')
}

/** "+12.9 (-0.2 .. 26.1)" */
function points(differences: readonly number[]): string {
  const text = estimate(
    differences.map((value) => 100 * value),
    1,
    false,
  )
  return text.startsWith('-') ? text : `+${text}`
}

/** "41.2 % (38.0 .. 44.4)", a share's interval cut at 0 and 100 %; "-" where nothing was said or happened. */
function estimate(values: readonly number[], digits: number, isShare: boolean): string {
  const known = values.filter((value) => !Number.isNaN(value))
  if (known.length === 0) return '-'
  const { mean: value, interval } = meanWithInterval(known)
  const text = (one: number) => (isShare ? 100 * Math.min(1, Math.max(0, one)) : one).toFixed(digits)
  const isSpread = interval && interval[0] < interval[1]
  return `${text(value)}${isShare ? ' %' : ''}${isSpread ? ` (${interval.map(text).join(' .. ')})` : ''}`
}

/** The losses while training goes on: means of 20 updates and of the seeds, with bars from the lowest seed to the highest. */
export function lossChart(cells: readonly ComparedCell[]): string {
  const window = 20
  const series = variants.map((variant) => {
    const runs = cells.filter((cell) => cell.variant === variant)
    const windows = Math.floor(Math.min(...runs.map(({ losses }) => losses.length), Infinity) / window)
    const points = Array.from({ length: Number.isFinite(windows) ? windows : 0 }, (_, at) => {
      const seeds = runs.map(({ losses }) => mean(losses.slice(at * window, (at + 1) * window)))
      return { x: (at + 1) * window, y: mean(seeds), low: Math.min(...seeds), high: Math.max(...seeds) }
    })
    return { name: variant, dots: true, points }
  })
  return chartFile({ title: 'Loss on clips that are new (nats per token, logarithmic)', xLabel: 'updates', log: true, series })
}
