/** The reference decoder's times as horizontal bars: SVG text that reads on light and on dark. */
import { escapeHtml } from '../packages/eval/src/report/escape.ts'
import { cases, comparedMs, type Row } from './table.ts'

const WIDTH = 720
const LABELS = 300
const BAR = 16
const GAP = 6
const TITLE = 34
/** Room for a number behind the longest bar. */
const NUMBER = 70
/** A bar this many times the median is truncated, so that the others stay distinguishable. */
const FAR = 5

const style = `text { font: 12px system-ui, sans-serif; fill: #333 } .title { font-weight: 600; font-size: 14px }
.ours { fill: #3b6fd4 } .peer { fill: #a9adb5 } .break { stroke: #fff; stroke-width: 3 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .peer { fill: #6d727c } .break { stroke: #111 } }`

/** Two groups, forward and step; those without a comparable time are left out. */
export function chart(rows: Row[]): string {
  const found: { title: string; bars: Bar[] }[] = []
  for (const name of ['forward', 'step'] as const) {
    const bars = rows.flatMap((row) => {
      const ms = row.case === name ? comparedMs(row) : undefined
      return ms === undefined ? [] : [{ label: `${row.name}, ${row.setting}`, ms, ours: row.contestant.startsWith('casa') }]
    })
    if (bars.length === 0) continue
    found.push({ title: `${cases[name].title}, milliseconds`, bars })
  }
  return barChart(found)
}

/** Groups of bars below one another, as SVG. */
export function barChart(groupsOfBars: readonly { title: string; bars: Bar[] }[]): string {
  const groups: string[] = []
  let top = 0
  for (const { title, bars } of groupsOfBars) {
    groups.push(`<g transform="translate(0 ${top})">${group(title, bars)}</g>`)
    top += TITLE + bars.length * (BAR + GAP) + GAP
  }
  const size = `viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" height="${top}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size}><style>${style}</style>${groups.join('\n')}</svg>\n`
}

export interface Bar {
  label: string
  ms: number
  ours: boolean
}

function group(title: string, bars: Bar[]): string {
  const sorted = bars.map(({ ms }) => ms).toSorted((a, b) => a - b)
  const longest = sorted.findLast((ms) => ms <= FAR * sorted[Math.floor(sorted.length / 2)]!)!
  const lines = bars.map(({ label, ms, ours }, i) => {
    const broken = ms > longest
    const length = (Math.min(ms, longest) / longest) * (WIDTH - LABELS - NUMBER)
    const [y, baseline] = [TITLE + i * (BAR + GAP), BAR - 4]
    const mark = broken ? `<path class="break" d="M${LABELS + length - 24} ${BAR}l8 -${BAR}"/>` : ''
    return (
      `<g transform="translate(0 ${y})"><text x="${LABELS - 8}" y="${baseline}" text-anchor="end">${escapeHtml(label)}</text>` +
      `<rect class="${ours ? 'ours' : 'peer'}" x="${LABELS}" width="${length.toFixed(1)}" height="${BAR}" rx="2"/>${mark}` +
      `<text x="${(LABELS + length + 6).toFixed(1)}" y="${baseline}">${Math.round(ms).toLocaleString('en')}</text></g>`
    )
  })
  return [`<text class="title" x="8" y="20">${escapeHtml(title)}</text>`, ...lines].join('\n')
}
