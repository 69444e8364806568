/** The report of an evaluation: one HTML file that loads nothing. Numbers, bars, and answers beside their pictures. */
import type { RgbImage } from '@casa-js/core'
import type { EvalRecord } from '../results.ts'
import type { EvalResult } from '../run.ts'
import { formatScore, type SummaryRow } from '../summary.ts'
import { picturesOf, type Task } from '../task.ts'
import { scoreBars } from './bars.ts'
import { escapeHtml } from './escape.ts'
import { answerCard, factList, htmlPage, pngDataUri } from './page.ts'

export interface ReportOptions {
  title: string
  /** Pixels -> PNG bytes, e.g. `encodePng` of @casa-js/vision. */
  encodePng(image: RgbImage): Promise<Uint8Array>
  /** Facts for the head of the page, e.g. device and date. */
  facts?: Record<string, string>
  /** Answers shown for each group of each task: the wrong ones first. 12 unless given. */
  shown?: number
}

/** Reads the shown examples' pictures again from the tasks' datasets. */
export async function evalReport(result: EvalResult, tasks: readonly Task[], options: ReportOptions): Promise<string> {
  const { title, facts = {}, shown = 12 } = options
  const sections = []
  for (const task of tasks) sections.push(await taskSection(task, result, shown, options.encodePng))
  return htmlPage(
    title,
    [
      factList({ model: result.model, answers: String(result.records.length), ...facts }),
      scoreBars(result.summary.rows),
      scoreTable(result.summary.rows),
      ...result.summary.rows.flatMap(({ table }) => (table === undefined ? [] : [`<pre>${escapeHtml(table)}</pre>`])),
      skippedList(result.skipped),
      ...sections,
    ].join('\n'),
  )
}

function scoreTable(rows: readonly SummaryRow[]): string {
  const withBaseline = rows.some((row) => row.noImage !== undefined)
  const lines = rows.map((row) => {
    const name =
      row.group === undefined ? `<b>${escapeHtml(row.task)}</b>` : `<span class="group">${escapeHtml(row.group)}</span>`
    const interval = row.interval ? row.interval.map((bound) => (100 * bound).toFixed(1)).join(' to ') : ''
    const blind = withBaseline ? `<td>${row.noImage === undefined ? '' : formatScore(row.noImage, row.unit)}</td>` : ''
    const frequent = row.mostFrequent
      ? `${formatScore(row.mostFrequent.score, row.unit)} <span class="muted">(${escapeHtml(row.mostFrequent.answer)})</span>`
      : ''
    const numbers = Object.entries(row.numbers)
      .map(([key, value]) => `${key} ${+value.toFixed(4)}`)
      .join(', ')
    return `<tr><td>${name}</td><td>${escapeHtml(row.metric)}</td><td>${row.examples}</td><td>${formatScore(row.score, row.unit)}</td><td>${interval}</td>${blind}<td>${frequent}</td><td class="muted">${escapeHtml(numbers)}</td></tr>`
  })
  const head = [
    'task',
    'metric',
    'examples',
    'score',
    '95 % interval',
    ...(withBaseline ? ['no image'] : []),
    'most frequent answer',
    '',
  ]
  return `<table><tr>${head.map((each) => `<th>${each}</th>`).join('')}</tr>${lines.join('')}</table>`
}

function skippedList(skipped: EvalResult['skipped']): string {
  if (skipped.length === 0) return ''
  const items = skipped.map(({ task, index, reason }) => `<li>${escapeHtml(task)} ${index}: ${escapeHtml(reason)}</li>`)
  return `<h2>Not readable</h2><ul>${items.join('')}</ul>`
}

async function taskSection(
  task: Task,
  { records }: EvalResult,
  shown: number,
  encodePng: ReportOptions['encodePng'],
): Promise<string> {
  const own = records.filter((record) => record.task === task.name && record.pictures === 'shown')
  const blind = new Map(
    records.filter((record) => record.task === task.name && record.pictures === 'none').map((record) => [record.index, record]),
  )
  const groups = new Map<string, EvalRecord[]>()
  for (const record of own) groups.set(record.group, [...(groups.get(record.group) ?? []), record])

  const parts = []
  for (const [group, all] of groups) {
    const cards = []
    for (const record of worstFirst(all).slice(0, shown)) {
      const pictures = picturesOf(task.prompt(await task.dataset.get(record.index)))
      const pngs = await Promise.all(pictures.map((picture) => encodePng(picture)))
      cards.push(task.mode === 'stream' ? streamCard(record, pngs) : card(record, pngs, blind.get(record.index)))
    }
    const heading = groups.size > 1 ? `<h3>${escapeHtml(group)}</h3>` : ''
    const wrong = all.filter(({ score }) => score < 1).length
    parts.push(
      `${heading}<p class="muted">${cards.length} of ${all.length}, the lowest scores first; ${wrong} are not fully right</p><section class="cards">${cards.join('')}</section>`,
    )
  }
  return own.length === 0 ? '' : `<h2>${escapeHtml(task.name)}</h2>${parts.join('\n')}`
}

/** Lowest scores first; answers of one score stay in the order of the examples. */
function worstFirst(records: readonly EvalRecord[]): EvalRecord[] {
  return [...records].sort((one, other) => one.score - other.score)
}

function card(record: EvalRecord, pictures: Uint8Array[], blind: EvalRecord | undefined): string {
  const { id, question, prediction, reference, score } = record
  const right = score >= 1
  const expected = typeof reference === 'string' ? reference : JSON.stringify(reference)
  const notes = [
    ...(right ? [] : [`expected <b>${escapeHtml(expected)}</b>${score > 0 ? `, score ${score.toFixed(2)}` : ''}`]),
    ...(blind ? [`without the picture: ${escapeHtml(blind.prediction || '(nothing)')}`] : []),
  ]
  return answerCard({ id, right, question, prediction, pictures, notes })
}

/** A video frame by frame: picture, what was said, what was right. */
function streamCard({ id, prediction, reference, score }: EvalRecord, frames: Uint8Array[]): string {
  const said = prediction.split('\n')
  const expected = (frame: number) => String((Array.isArray(reference) ? [reference[frame]].flat()[0] : undefined) ?? '')
  const rows = frames.map((png, frame) => {
    const texts = `<td>${escapeHtml(said[frame] ?? '')}</td><td class="muted">${escapeHtml(expected(frame))}</td>`
    return `<tr><td><img alt="" src="${pngDataUri(png)}"></td>${texts}</tr>`
  })
  return (
    `<article class="stream ${score >= 1 ? 'right' : 'wrong'}"><p class="muted">${escapeHtml(id)}, score ${score.toFixed(2)}</p>` +
    `<table><tr><th></th><th>said</th><th>right</th></tr>${rows.join('')}</table></article>`
  )
}
