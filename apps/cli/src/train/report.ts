/** report.html of a run: one file, nothing loaded from elsewhere. Curves, held-out predictions beside their pictures, config, machine. */
import type { EvaluationEvent, ParsedRun, StartEvent } from '@casa-js/train'
import { METRICS_FILE, readMetrics, type MetricsRow } from '@casa-js/train/node'
import { fileSink } from '@casa-js/weights'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { escapeHtml, lineChart, smoothed } from './charts.ts'
import { reportStyle } from './report-style.ts'

export interface Report {
  readonly path: string
  start(event: StartEvent): void
  /** Write the page anew from the metrics on disk and the newest evaluation. */
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
      const sink = await fileSink(path)
      await sink.write(
        new TextEncoder().encode(
          reportPage({ out, run, rows: await readMetrics(join(out, METRICS_FILE)), started, evaluation: newest }),
        ),
      )
      await sink.commit()
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

export function reportPage({ out, run, rows, started, evaluation }: ReportContent): string {
  const steps = rows.filter((row) => row.kind === 'step')
  const evaluations = rows.filter((row) => row.kind === 'evaluation')
  const last = steps.at(-1)
  const facts = [
    ['steps', last ? `${last.step + 1} of ${run.steps}` : `0 of ${run.steps}`],
    [
      'loss',
      last
        ? smoothed(steps.map(({ step, loss }) => ({ x: step, y: loss })))
            .at(-1)!
            .y.toFixed(4)
        : '-',
    ],
    ['held-out loss', evaluations.at(-1)?.loss.toFixed(4) ?? '-'],
    ['exact match', overall(evaluations.at(-1)?.accuracy)],
    ['examples/s', last ? last.examplesPerSecond.toFixed(1) : '-'],
    ['tokens/s', last ? Math.round(last.tokensPerSecond).toLocaleString('en') : '-'],
  ]
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(out)}: training report</title>
<style>${reportStyle}</style>
<main>
<h1>Training report</h1><p class="muted">${escapeHtml(out)}</p>
<dl class="facts">${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join('')}</dl>
<section class="charts">${charts(steps, evaluations)}</section>
${evaluation ? predictions(evaluation) : '<p class="muted">No evaluation yet.</p>'}
<h2>Run</h2><pre>${escapeHtml(JSON.stringify(run, undefined, 2))}</pre>
<h2>Machine</h2><p>${machine(started)}</p>
</main></html>
`
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
      format: (y) => (y === 0 ? '0' : y.toExponential(0)),
    }),
  ].join('')
}

function predictions({ step, examples, accuracy }: EvaluationEvent): string {
  const table = Object.entries(accuracy).map(
    ([task, { correct, total }]) =>
      `<tr><td>${escapeHtml(task)}</td><td>${correct} / ${total}</td><td>${((100 * correct) / total).toFixed(1)} %</td></tr>`,
  )
  const shown = examples.filter(({ pictures }) => pictures)
  const cards = shown.map(({ id, task, correct, question, expected, predicted, pictures }) => {
    const images = pictures!
      .map((png) => `<img alt="" src="data:image/png;base64,${Buffer.from(png).toString('base64')}">`)
      .join('')
    const wanted = correct ? '' : `<p class="muted">expected <b>${escapeHtml(expected ?? '')}</b></p>`
    return `<article class="${correct ? 'right' : 'wrong'}" title="${escapeHtml(id)}"><div class="pictures">${images}</div><p class="muted">${escapeHtml(task)}: ${escapeHtml(question ?? '')}</p><p class="answer">${escapeHtml(predicted || '(nothing)')}</p>${wanted}</article>`
  })
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
  return escapeHtml(parts.join(' · '))
}
