/**
 * Accuracies as horizontal bars, SVG text: the bar, its 95 % interval, and marks for the guessing baselines: the model without pictures, and
 * the most frequent answer given every time.
 */
import type { SummaryRow } from '../summary.ts'
import { escapeHtml } from './escape.ts'

const WIDTH = 760
const LEFT = 210
const RIGHT = 60
const ROW = 24
const TOP = 30

/** Rows counted in points have no common scale and are left out. */
export function scoreBars(rows: readonly SummaryRow[]): string {
  const shares = rows.filter((row) => row.unit === 'share')
  if (shares.length === 0) return ''
  const height = TOP + shares.length * ROW + 8
  const x = (share: number): string => (LEFT + share * (WIDTH - LEFT - RIGHT)).toFixed(1)
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<line class="grid" x1="${x(share)}" x2="${x(share)}" y1="${TOP - 4}" y2="${height - 8}"/>` +
      `<text class="tick" x="${x(share)}" y="${TOP - 10}" text-anchor="middle">${100 * share} %</text>`,
  )
  const bars = shares.map((row, index) => {
    const top = TOP + index * ROW
    const middle = top + ROW / 2
    const name = row.group === undefined ? row.task : `  ${row.group}`
    const [low, high] = row.interval ?? [row.score, row.score]
    const mark = (kind: 'blind' | 'frequent', share: number | undefined, words: string): string =>
      share === undefined
        ? ''
        : `<line class="${kind}" x1="${x(share)}" x2="${x(share)}" y1="${top + 3}" y2="${top + ROW - 3}"><title>${words}: ${(100 * share).toFixed(1)} %</title></line>`
    const guesses = mark('blind', row.noImage, 'no image') + mark('frequent', row.mostFrequent?.score, 'most frequent answer')
    return (
      `<text class="name" x="${LEFT - 8}" y="${middle + 4}" text-anchor="end">${escapeHtml(name)}</text>` +
      `<rect class="${row.group === undefined ? 'bar' : 'bar part'}" x="${x(0)}" y="${top + 5}" width="${(Number(x(row.score)) - LEFT).toFixed(1)}" height="${ROW - 10}" rx="2"/>` +
      `<line class="interval" x1="${x(low)}" x2="${x(high)}" y1="${middle}" y2="${middle}"/>${guesses}` +
      `<text class="tick" x="${Number(x(Math.max(row.score, high))) + 6}" y="${middle + 4}">${(100 * row.score).toFixed(1)}</text>`
    )
  })
  const marks = [
    { kind: 'blind', words: 'without the picture', used: shares.some((row) => row.noImage !== undefined) },
    { kind: 'frequent', words: 'most frequent answer', used: shares.some((row) => row.mostFrequent !== undefined) },
  ]
  const legend = marks
    .filter(({ used }) => used)
    .map(
      ({ kind, words }, at) =>
        `<line class="${kind}" x1="8" x2="8" y1="${4 + 14 * at}" y2="${14 + 14 * at}"/><text class="tick" x="14" y="${13 + 14 * at}">${words}</text>`,
    )
    .join('')
  return `<svg class="bars" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Scores">${legend}${ticks.join('')}${bars.join('')}</svg>`
}
