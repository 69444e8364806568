/** Tables and charts of `casa bench stream`. */
import { chartFile } from '@casa-js/eval/internal'
import { contestants, shapes, type ContestantName, type ShapeName } from './contestants.ts'
import type { FirstLast, StreamRun } from './stream-summary.ts'

const ratio = ({ first, last }: FirstLast) => (last / first).toFixed(2)
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1)

/** A Markdown table for each shape and number of turns. */
export function formatRuns(runs: readonly StreamRun[]): string {
  const titleOf = ({ shape, turns }: StreamRun) => `${shape}, ${turns.toLocaleString('en')} turns`
  return [...new Set(runs.map(titleOf))]
    .map((title) => `## ${title}\n\n${table(runs.filter((run) => titleOf(run) === title))}`)
    .join('\n\n')
}

function table(runs: readonly StreamRun[]): string {
  const order = Object.keys(contestants)
  const sorted = runs.toSorted((one, other) => order.indexOf(one.contestant) - order.indexOf(other.contestant))
  const rows = sorted.map(({ contestant, slideTokens, firstTokenMs, tokensPerSecond, cachedTokens, bytes, turns }) => [
    contestants[contestant].label + (slideTokens === undefined ? '' : `, text slides at ${slideTokens.toLocaleString('en')}`),
    `${firstTokenMs.first.toFixed(1)} → ${firstTokenMs.last.toFixed(1)}`,
    ratio(firstTokenMs),
    `${tokensPerSecond.first.toFixed(1)} → ${tokensPerSecond.last.toFixed(1)}`,
    ratio(tokensPerSecond),
    cachedTokens.last.toLocaleString('en'),
    slideTokens === undefined ? (cachedTokens.last / turns).toFixed(1) : '',
    `${megabytes(bytes.first)} → ${megabytes(bytes.last)}`,
    megabytes(bytes.most),
  ])
  const head = [
    'model',
    'first token, ms',
    'last / first',
    'tokens per second',
    'last / first',
    'tokens in the cache',
    'per turn',
    'memory, MB',
    'peak, MB',
  ]
  return [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** SVG files by name: time to first token, speed and cache against turns, for each shape. */
export function streamCharts(runs: readonly StreamRun[]): Record<string, string> {
  const files: Record<string, string> = {}
  for (const shape of Object.keys(shapes) as ShapeName[]) {
    const own = runs.filter((run) => run.shape === shape && run.slideTokens === undefined)
    const turns = Math.max(...own.map((run) => run.turns).filter((each) => each <= 512))
    const drawn = own.filter((run) => run.turns === turns)
    if (drawn.length === 0) continue
    const order = Object.keys(contestants) as ContestantName[]
    const chart = (title: string, column: 1 | 2 | 3, log: boolean) =>
      chartFile({
        title,
        xLabel: 'turns',
        log,
        series: drawn.map(({ contestant, curve }) => ({
          name: contestants[contestant].label,
          colour: order.indexOf(contestant),
          points: curve.map((point) => ({ x: point[0], y: point[column] })),
        })),
      })
    files[`${shape}-first-token.svg`] = chart(`Processor ms to the first token of a frame (${shape})`, 1, true)
    files[`${shape}-speed.svg`] = chart(`Tokens per second of processor time (${shape})`, 2, false)
    files[`${shape}-cache.svg`] = chart(`Tokens in the cache (${shape})`, 3, true)
  }
  return files
}
