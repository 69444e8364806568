/** The result file of lmms-eval (its `results.json`), so that scripts that read such files read ours. */
import type { EvalResult } from '../run.ts'
import type { SummaryRow } from '../summary.ts'

/** Name of each benchmark's first metric there, and of the numbers beside it. */
const METRICS: Record<string, { main: string; numbers?: Record<string, string> }> = {
  chartqa: { main: 'relaxed_overall' },
  docvqa: { main: 'anls' },
  infovqa: { main: 'anls' },
  textvqa: { main: 'exact_match' },
  ocrbench: { main: 'ocrbench_accuracy' },
  realworldqa: { main: 'exact_match' },
  ai2d: { main: 'exact_match' },
  gqa: { main: 'exact_match' },
  mme: { main: 'mme_total_score', numbers: { perception: 'mme_perception_score', cognition: 'mme_cognition_score' } },
  pope: {
    main: 'pope_accuracy',
    numbers: { precision: 'pope_precision', recall: 'pope_recall', f1: 'pope_f1_score', yesRatio: 'pope_yes_ratio' },
  },
}

/**
 * An evaluation as lmms-eval writes it: { results: { task: { alias, "metric,none": value } }, n-samples, config, .. }.
 *
 * @param date Unix seconds; now unless given
 */
export function lmmsEvalResult(result: EvalResult, date: number = Date.now() / 1000): Record<string, unknown> {
  const wholes = result.summary.rows.filter(({ group }) => group === undefined)
  return {
    results: Object.fromEntries(wholes.map((row) => [row.task, entryOf(row, result.summary.rows)])),
    configs: Object.fromEntries(wholes.map(({ task, metric }) => [task, { task, metric }])),
    versions: Object.fromEntries(wholes.map(({ task }) => [task, task.split('@')[1] ?? 'casa-authors'])),
    'n-shot': Object.fromEntries(wholes.map(({ task }) => [task, 0])),
    'n-samples': Object.fromEntries(wholes.map(({ task, examples }) => [task, { original: examples, effective: examples }])),
    higher_is_better: Object.fromEntries(wholes.map((row) => [row.task, { [mainName(row)]: true }])),
    config: { model: 'casa-js', model_args: result.model },
    date,
    model_name: result.model,
  }
}

function entryOf(row: SummaryRow, rows: readonly SummaryRow[]): Record<string, unknown> {
  const entry: Record<string, unknown> = { alias: row.task, [`${mainName(row)},none`]: mainValue(row) }
  for (const [ours, theirs] of Object.entries(METRICS[benchmarkOf(row)]?.numbers ?? {})) {
    if (row.numbers[ours] !== undefined) entry[`${theirs},none`] = row.numbers[ours]
  }
  if (row.interval) entry[`${mainName(row)}_stderr,none`] = Math.sqrt((row.score * (1 - row.score)) / row.examples)
  if (benchmarkOf(row) === 'chartqa') {
    // Its two halves have metrics of their own there.
    for (const [group, name] of [
      ['human_test', 'relaxed_human_split'],
      ['augmented_test', 'relaxed_augmented_split'],
    ]) {
      const half = rows.find((each) => each.task === row.task && each.group === group)
      if (half) entry[`${name},none`] = half.score
    }
  }
  return entry
}

/** OCRBench counts points out of 1,000 here, and a share there. */
function mainValue(row: SummaryRow): number {
  return benchmarkOf(row) === 'ocrbench' ? row.score / 1000 : row.score
}

function mainName(row: SummaryRow): string {
  return METRICS[benchmarkOf(row)]?.main ?? 'exact_match'
}

function benchmarkOf({ task }: SummaryRow): string {
  return task.split('@')[0]!
}
