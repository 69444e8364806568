/** report.html of a run: one file, nothing loaded from elsewhere. Curves, held-out predictions beside their pictures, config, machine. */
import { answerCard, escapeHtml, factList, htmlPage, lineChart, smoothed } from '@casa-js/eval/internal'
import type { EvaluationEvent, ParsedRun, StartEvent } from '@casa-js/train'
import { METRICS_FILE, readMetrics, type MetricsRow } from '@casa-js/train/node'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { writeWhole } from '../terminal/outputs.ts'

export interface Report {
  readonly path: string
  start(event: StartEvent): void
  /** Rewrites the page from the metrics on disk and the newest evaluation. */
  write(evaluation?: EvaluationEvent): Promise<void>
}

export function createReport(out: string, run: ParsedRun): Report {
  const path = join(out, 'report.html')
  let started: StartEvent | undefined
  let newest: EvaluationEvent | undefined
  return {
    path,
    start: (event) => void (started = event),
    async write(evaluation) {
      newest = evaluation ?? newest
      const rows = await readMetrics(join(out, METRICS_FILE))
      await writeWhole(path, trainingReport({ out, run, rows, started, evaluation: newest }))
    },
  }
}

export interface ReportContent {
  out: string
  run: ParsedRun
  rows: MetricsRow[]
  started?: StartEvent | undefined
  evaluation?: EvaluationEvent | undefined
}

/** The page, from rows alone. @returns a whole HTML document. */
export function trainingReport({ out, run, rows, started, evaluation }: ReportContent): string {
  const steps = rows.filter((row) => row.kind === 'step')
  const evaluations = rows.filter((row) => row.kind === 'evaluation')
  const last = steps.at(-1)
  const loss = smoothed(steps.map(({ step, loss }) => ({ x: step, y: loss }))).at(-1)
  const facts = {
    steps: `${last ? last.step + 1 : 0} of ${run.steps}`,
    loss: loss?.y.toFixed(4) ?? '-',
    'held-out loss': evaluations.at(-1)?.loss.toFixed(4) ?? '-',
    'exact match': overall(evaluations.at(-1)?.accuracy),
    'examples/s': last ? last.examplesPerSecond.toFixed(1) : '-',
    'tokens/s': last ? Math.round(last.tokensPerSecond).toLocaleString('en') : '-',
  }
  return htmlPage(
    `Training report: ${out}`,
    `${factList(facts)}
<section class="charts">${charts(steps, evaluations)}</section>
${evaluation ? predictions(evaluation) : '<p class="muted">No evaluation yet.</p>'}
<h2>Run</h2><pre>${escapeHtml(JSON.stringify(run, undefined, 2))}</pre>
<h2>Machine</h2><p>${escapeHtml(machine(started))}</p>`,
  )
}

type StepRow = Extract<MetricsRow, { kind: 'step' }>
type EvaluationRow = Extract<MetricsRow, { kind: 'evaluation' }>

function charts(steps: StepRow[], evaluations: EvaluationRow[]): string {
  const of = (field: 'loss' | 'gradientNorm' | 'learningRate') => steps.map((row) => ({ x: row.step, y: row[field] }))
  const tasks = [...new Set(evaluations.flatMap(({ accuracy }) => Object.keys(accuracy)))]
  const percent = (y: number) => `${Math.round(y * 100)} %`
  return [
    lineChart({
      title: 'Loss',
      xLabel: 'step',
      log: true,
      series: [
        { name: 'training, each step', points: of('loss'), faint: true, colour: 0 },
        { name: 'training, smoothed', points: smoothed(of('loss')), colour: 0 },
        { name: 'held out', points: evaluations.map(({ step, loss }) => ({ x: step, y: loss })), dots: true, colour: 1 },
      ],
    }),
    lineChart({
      title: 'Exact match on held-out examples',
      xLabel: 'step',
      yRange: [0, 1],
      format: percent,
      series: tasks.map((task) => ({
        name: task,
        dots: true,
        points: evaluations.flatMap(({ step, accuracy }) =>
          accuracy[task] ? [{ x: step, y: accuracy[task].correct / accuracy[task].total }] : [],
        ),
      })),
    }),
    lineChart({
      title: 'Norm of the gradient',
      xLabel: 'step',
      log: true,
      series: [
        { name: 'each step', points: of('gradientNorm'), faint: true, colour: 2 },
        { name: 'smoothed', points: smoothed(of('gradientNorm')), colour: 2 },
      ],
    }),
    lineChart({
      title: 'Learning rate',
      xLabel: 'step',
      series: [{ name: 'largest group', points: of('learningRate'), colour: 3 }],
      format: (y) => (y === 0 ? '0' : Number(y.toPrecision(2)).toExponential()),
    }),
  ].join('')
}

function predictions({ step, examples, accuracy }: EvaluationEvent): string {
  const table = Object.entries(accuracy).map(
    ([task, { correct, total }]) =>
      `<tr><td>${escapeHtml(task)}</td><td>${correct} / ${total}</td><td>${((100 * correct) / total).toFixed(1)} %</td></tr>`,
  )
  // Wrong answers first: they say more about a model than right ones.
  const ordered = [...examples.filter(({ correct }) => !correct), ...examples.filter(({ correct }) => correct)]
  const cards = ordered.flatMap(
    ({ id, task, correct: right, question = '', expected = '', predicted: prediction = '', pictures }) =>
      pictures
        ? answerCard({
            id,
            right,
            question: `${task}: ${question}`,
            prediction,
            pictures,
            notes: right ? [] : [`expected <b>${escapeHtml(expected)}</b>`],
          })
        : [],
  )
  return `<h2>Held-out examples after ${step} steps</h2>
<table><tr><th>task</th><th>exact</th><th></th></tr>${table.join('')}</table>
<section class="cards">${cards.join('')}</section>`
}

function overall(accuracy: EvaluationRow['accuracy'] | undefined): string {
  const all = Object.values(accuracy ?? {})
  const sum = (of: 'correct' | 'total') => all.reduce((total, one) => total + one[of], 0)
  return all.length === 0 ? '-' : `${((100 * sum('correct')) / sum('total')).toFixed(1)} %`
}

function machine(started: StartEvent | undefined): string {
  const [cpu] = cpus()
  const parts = [
    `${cpus().length} x ${cpu?.model.trim() ?? 'unknown processor'}`,
    `${Math.round(totalmem() / 2 ** 30)} GB`,
    `Node ${process.version}`,
    process.platform,
  ]
  if (started)
    parts.push(
      `${started.device.device} (${started.device.adapter})`,
      `${started.workers} worker${started.workers > 1 ? 's' : ''}`,
      `${started.trained.toLocaleString('en')} of ${started.parameters.toLocaleString('en')} parameters train`,
    )
  return parts.join(' · ')
}
