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

/** The paper's figures on one H100, 896 px frames of 1,024 image tokens (arXiv 2512.19535, streaming benchmark). */
const paper: { turns: number; model: string; firstTokenMs: FirstLast; tokensPerSecond: FirstLast; cachedTokens: number }[] = [
  {
    turns: 256,
    model: 'CASA-Helium1-VL-2B',
    firstTokenMs: { first: 64, last: 64 },
    tokensPerSecond: { first: 59.2, last: 58.9 },
    cachedTokens: 4629,
  },
  {
    turns: 256,
    model: 'the same, shared',
    firstTokenMs: { first: 65, last: 65 },
    tokensPerSecond: { first: 59.0, last: 59.1 },
    cachedTokens: 4629,
  },
  {
    turns: 256,
    model: 'Helium1-VL-2B, insertion',
    firstTokenMs: { first: 80, last: 459 },
    tokensPerSecond: { first: 89.5, last: 20.1 },
    cachedTokens: 266_773,
  },
  {
    turns: 512,
    model: 'CASA-Helium1-VL-2B',
    firstTokenMs: { first: 63, last: 66 },
    tokensPerSecond: { first: 59.5, last: 59.6 },
    cachedTokens: 9237,
  },
  {
    turns: 512,
    model: 'Helium1-VL-2B, insertion',
    firstTokenMs: { first: 111, last: 917 },
    tokensPerSecond: { first: 81.1, last: 10.9 },
    cachedTokens: 533_525,
  },
]

function paperTable(): string {
  const head = ['turns', 'model', 'first token, last / first', 'tokens per second, last / first', 'tokens in the cache']
  const rows = paper.map(({ turns, model, firstTokenMs, tokensPerSecond, cachedTokens }) =>
    [turns, model, ratio(firstTokenMs), ratio(tokensPerSecond), cachedTokens.toLocaleString('en')].join(' | '),
  )
  return [`| ${head.join(' | ')} |`, '| ---: | --- | ---: | ---: | ---: |', ...rows.map((row) => `| ${row} |`)].join('\n')
}

/** The page that the command writes: what was measured, tables, charts, the paper's figures. */
export function formatPage(runs: readonly StreamRun[]): string {
  const named = [...new Set(runs.map(({ shape }) => shape))].map((name) => `- ${name}: ${shapes[name].description}`)
  const machines = [...new Set(runs.map(({ machine }) => machine))]
  const most = Math.max(...runs.map(({ repeats }) => repeats))
  const repeated =
    most === 1 ? 'Each stream was run once.' : `Streams were run up to ${most} times; of each turn the shortest time counts.`
  const charts = Object.keys(streamCharts(runs)).map((name) => `![${name.replace('.svg', '').replaceAll('-', ' ')}](${name})`)
  return `# What a stream of frames costs

Made by \`casa bench stream --out\`. Every turn is a frame and 16 greedy tokens, as in the paper's streaming benchmark (arXiv 2512.19535);
it leaves 18 text tokens in the cache. Columns compare the first tenth of the turns with the last, by medians, in processor time. Weights are
random. The cache is allocated at its full capacity when a stream begins, so memory is flat for all of them; tokens in the cache say what a
stream needs.

${named.join('\n')}

Measured on ${machines.join('; ')}, one thread, other programs running. ${repeated}

${formatRuns(runs)}

${charts.join('\n')}

## Reading it

CASA's frames leave nothing in the cache, its text does: 18 tokens per turn, and self-attention reads all of it for every token. In the
shipped shape that soon outweighs the rest: its layers hold 2.4 million weights, and after 256 turns a token is compared with 4,600 others, which
is 7 million multiplications. In Helium-1-2b the same text is 0.5 GB of keys and values beside 5 GB of weights (bfloat16), so the paper's
CASA hardly slows down. Text that slides bounds it: the cache then holds a quarter of its capacity up to all of it, and the first tenth, which begins
with an empty cache, is a little faster than what follows. With insertion every frame's image tokens are read again for every token, too.

## The paper, on one H100

${paperTable()}
`
}

/** SVG files by name: time to first token, speed and cache against turns, for each shape. */
export function streamCharts(runs: readonly StreamRun[]): Record<string, string> {
  const files: Record<string, string> = {}
  for (const shape of Object.keys(shapes) as ShapeName[]) {
    const own = runs.filter((run) => run.shape === shape && run.slideTokens === undefined)
    // The length that most models were run for.
    const [drawn = []] = [...new Set(own.map((run) => run.turns))]
      .map((turns) => own.filter((run) => run.turns === turns))
      .sort((one, other) => other.length - one.length)
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
