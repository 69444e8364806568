/** The report of an evaluation: one HTML file that loads nothing. Numbers, bars, and answers beside their pictures. */
import type { RgbImage } from '@casa-js/core'
import type { EvalRecord } from '../results.ts'
import type { EvalResult } from '../run.ts'
import { formatScore, type SummaryRow } from '../summary.ts'
import { picturesOf, type Task } from '../task.ts'
import { scoreBars } from './bars.ts'
import { escapeHtml } from './escape.ts'
import { reportStyle } from './style.ts'

export interface ReportOptions {
  title: string
  /** Pixels -> PNG bytes, e.g. `encodePng` of @casa-js/vision. */
  encodePng(image: RgbImage): Promise<Uint8Array>
  /** Facts for the head of the page, e.g. device and date. */
  facts?: Record<string, string>
  /** Answers shown for each group of each task: its first so many, right or wrong. 12 unless given. */
  shown?: number
}

/** Reads the shown examples' pictures again from the tasks' datasets. */
export async function evalReport(result: EvalResult, tasks: readonly Task[], options: ReportOptions): Promise<string> {
  const { title, facts = {}, shown = 12 } = options
  const sections = []
  for (const task of tasks) sections.push(await taskSection(task, result, shown, options.encodePng))
  const entries = Object.entries({ model: result.model, answers: String(result.records.length), ...facts })
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title>
<style>${reportStyle}</style>
<main>
<h1>${escapeHtml(title)}</h1>
<dl class="facts">${entries.map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`).join('')}</dl>
${scoreBars(result.summary.rows)}
${scoreTable(result.summary.rows)}
${skippedList(result.skipped)}
${sections.join('\n')}
</main></html>
`
}

function scoreTable(rows: readonly SummaryRow[]): string {
  const withBaseline = rows.some((row) => row.noImage !== undefined)
  const lines = rows.map((row) => {
    const name =
      row.group === undefined ? `<b>${escapeHtml(row.task)}</b>` : `<span class="group">${escapeHtml(row.group)}</span>`
    const interval = row.interval ? row.interval.map((bound) => (100 * bound).toFixed(1)).join(' to ') : ''
    const blind = withBaseline ? `<td>${row.noImage === undefined ? '' : formatScore(row.noImage, row.unit)}</td>` : ''
    const numbers = Object.entries(row.numbers)
      .map(([key, value]) => `${key} ${+value.toFixed(4)}`)
      .join(', ')
    return `<tr><td>${name}</td><td>${escapeHtml(row.metric)}</td><td>${row.examples}</td><td>${formatScore(row.score, row.unit)}</td><td>${interval}</td>${blind}<td class="muted">${escapeHtml(numbers)}</td></tr>`
  })
  const head = ['task', 'metric', 'examples', 'score', '95 % interval', ...(withBaseline ? ['no image'] : []), '']
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
    for (const record of all.slice(0, shown)) {
      const pictures = picturesOf(task.prompt(await task.dataset.get(record.index)))
      const images = await Promise.all(pictures.map(async (picture) => dataUri(await encodePng(picture))))
      cards.push(card(record, images, blind.get(record.index)))
    }
    const heading = groups.size > 1 ? `<h3>${escapeHtml(group)}</h3>` : ''
    parts.push(
      `${heading}<p class="muted">the first ${cards.length} of ${all.length}</p><section class="cards">${cards.join('')}</section>`,
    )
  }
  return own.length === 0 ? '' : `<h2>${escapeHtml(task.name)}</h2>${parts.join('\n')}`
}

function card(record: EvalRecord, images: string[], blind: EvalRecord | undefined): string {
  const right = record.score >= 1
  const pictures = images.map((source) => `<img alt="" src="${source}">`).join('')
  const expected = typeof record.reference === 'string' ? record.reference : JSON.stringify(record.reference)
  const wanted = right
    ? ''
    : `<p class="muted">expected <b>${escapeHtml(expected)}</b>${record.score > 0 ? `, score ${record.score.toFixed(2)}` : ''}</p>`
  const guess = blind ? `<p class="muted">without the picture: ${escapeHtml(blind.prediction || '(nothing)')}</p>` : ''
  return (
    `<article class="${right ? 'right' : 'wrong'}" title="${escapeHtml(record.id)}"><div class="pictures">${pictures}</div>` +
    `<p class="muted question">${escapeHtml(record.question)}</p><p class="answer">${escapeHtml(record.prediction || '(nothing)')}</p>${wanted}${guess}</article>`
  )
}

function dataUri(png: Uint8Array): string {
  // In slices: an argument list has a limit.
  let binary = ''
  for (let start = 0; start < png.length; start += 0x8000) binary += String.fromCharCode(...png.subarray(start, start + 0x8000))
  return `data:image/png;base64,${btoa(binary)}`
}
