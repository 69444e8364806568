/** The page of a study: the table, and accuracy against steps, operations and memory. One HTML file that loads nothing. */
import { escapeHtml, factList, htmlPage, lineChart, shortNumber, type Series } from '@casa-js/eval/internal'
import type { StudyPlan } from './plan.ts'
import type { CellResult } from './results.ts'
import { meanWithInterval } from './statistics.ts'
import { formatDifference, formatInterval, formatP, percent, summariseStudy, type VariantRow } from './summary.ts'

/**
 * A study's results as one HTML page, with no other files.
 * @param facts shown beside the results, e.g. the machine
 */
export function studyReport(plan: StudyPlan, results: readonly CellResult[], facts: Record<string, string> = {}): string {
  const summary = summariseStudy(plan, results)
  const settings = new Map<string, VariantRow[]>()
  for (const row of summary.rows) {
    const name = Object.entries(row.setting)
      .map(([factor, level]) => `${factor}: ${level}`)
      .join(', ')
    settings.set(name, [...(settings.get(name) ?? []), row])
  }
  const mixed =
    summary.codes.length > 1
      ? `<p><b>Results of different code are mixed: ${summary.codes.map(escapeHtml).join(', ')}</b></p>`
      : ''
  const sections = [...settings].map(
    ([name, rows]) =>
      `<h2>${escapeHtml(name || plan.compare)}</h2>${table(plan, rows)}<section class="charts">${charts(plan, rows)}</section>`,
  )
  return htmlPage(
    plan.name,
    [
      `<p>${escapeHtml(plan.question)}</p>`,
      factList({ cells: `${summary.done} of ${summary.total}`, code: summary.codes.join(', '), ...facts }),
      mixed,
      ...sections,
      notes(plan),
    ].join('\n'),
  )
}

function table(plan: StudyPlan, rows: readonly VariantRow[]): string {
  const head = [
    plan.compare,
    'seeds',
    'exact match',
    '95 % interval',
    `against ${plan.baseline}, points`,
    'p (seeds)',
    'p (examples)',
    'loss',
    'steps',
    'at equal operations',
    `there against ${plan.baseline}`,
    'p there',
    'GFLOP per example',
    'image tokens',
    'parameters',
    'kB per image',
  ]
  const lines = rows.map(({ variant, accuracy, loss, costs, steps, test, equal }) => [
    `<b>${escapeHtml(variant)}</b>`,
    accuracy.n,
    percent(accuracy.mean),
    formatInterval(accuracy, 100),
    test ? `${(100 * test.difference.mean).toFixed(1)} <span class="muted">${formatInterval(test.difference, 100)}</span>` : '',
    test?.pSeeds === undefined ? '' : formatP(test.pSeeds),
    test ? formatP(test.pExamples) : '',
    loss.mean.toFixed(3),
    steps,
    equal ? percent(equal.accuracy.mean) : '',
    equal?.difference ? formatDifference(equal.difference) : '',
    equal?.p === undefined ? '' : formatP(equal.p),
    ((costs.forwardFlops + costs.backwardFlops) / 1e9).toFixed(3),
    costs.imageTokens.toFixed(0),
    costs.parameters.toLocaleString('en'),
    (costs.bytesPerImage / 1000).toFixed(1),
  ])
  const row = (cells: (string | number)[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`
  return `<table>${row(head.map(escapeHtml), 'th')}${lines.map((cells) => row(cells, 'td')).join('')}</table>`
}

function charts(plan: StudyPlan, rows: readonly VariantRow[]): string {
  const colourOf = (variant: string): number => plan.factors[plan.compare]!.indexOf(variant)
  const curves = (x: 'step' | 'flops', y: 'accuracy' | 'loss'): Series[] =>
    rows.map(({ variant, results }) => ({
      name: variant,
      colour: colourOf(variant),
      dots: true,
      points: (results[0]?.curve ?? []).map((_, at) => {
        const points = results.flatMap(({ curve }) => curve[at] ?? [])
        const { mean, interval } = meanWithInterval(points.map((point) => point[y]))
        return {
          x: points[0]![x],
          y: mean,
          ...(interval && y === 'accuracy' && { low: Math.max(0, interval[0]), high: Math.min(1, interval[1]) }),
        }
      }),
    }))
  const atEnd = (title: string, xLabel: string, x: (row: VariantRow) => number, xLog: boolean): string =>
    lineChart({
      title,
      xLabel,
      xLog,
      yRange: [0, 1],
      format: (share) => `${Math.round(100 * share)} %`,
      series: rows.map((row) => {
        const { mean, interval } = row.accuracy
        const ends = interval ? { low: Math.max(0, interval[0]), high: Math.min(1, interval[1]) } : {}
        const label = `${row.variant}: ${percent(mean)} at ${shortNumber(x(row))}`
        return {
          name: row.variant,
          colour: colourOf(row.variant),
          scattered: true,
          points: [{ x: x(row), y: mean, label, ...ends }],
        }
      }),
    })
  const share = (value: number): string => `${Math.round(100 * value)} %`
  return [
    lineChart({
      title: 'Exact match against steps',
      xLabel: 'updates',
      yRange: [0, 1],
      format: share,
      series: curves('step', 'accuracy'),
    }),
    lineChart({
      title: 'Exact match against training operations',
      xLabel: 'FLOP',
      yRange: [0, 1],
      format: share,
      series: curves('flops', 'accuracy'),
    }),
    lineChart({ title: 'Held-out loss against steps', xLabel: 'updates', series: curves('step', 'loss') }),
    atEnd(
      'Exact match against operations per example',
      'FLOP, forward and backward',
      ({ costs }) => costs.forwardFlops + costs.backwardFlops,
      false,
    ),
    atEnd('Exact match against memory', 'bytes kept per image while answering', ({ costs }) => costs.bytesPerImage, false),
  ].join('')
}

function notes(plan: StudyPlan): string {
  return `<h2>How to read this</h2><p>Means over seeds, with 95 % intervals of Student's t over seeds. Every variant is compared with
<b>${escapeHtml(plan.baseline)}</b> on the same seeds and the same held-out examples: a paired t-test over seeds, which knows how much seeds differ, and
McNemar's exact test over examples, which knows how many examples there are but nothing of seeds. No correction for the number of tests.
"At equal operations" reads every curve where the cheapest variant that sees images ended, on straight lines between evaluations; that is
fair where the rate is constant. Operations are counted as the kernels run: matrix products and attention, forward and backward. Memory is what a session keeps of one image.</p>`
}
