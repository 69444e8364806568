/** Tables and charts of `casa bench stream`. */
import { chartFile } from '@casa-js/eval/internal'
import { contestants, shapes, type ContestantName, type ShapeName } from './contestants.ts'
import { markdownTable } from './markdown-table.ts'
import { textTokensPerTurn } from './protocol.ts'
import { growthOf, type FirstLast, type StreamRun } from './stream-summary.ts'

const ratio = ({ first, last }: FirstLast) => (last / first).toFixed(2)
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1)

/** A Markdown table for each shape and number of turns. */
export function formatRuns(unsorted: readonly StreamRun[]): string {
  const order = Object.keys(shapes)
  const runs = unsorted.toSorted((one, other) => order.indexOf(one.shape) - order.indexOf(other.shape) || one.turns - other.turns)
  const titleOf = ({ shape, turns }: StreamRun) => `${shape}, ${turns.toLocaleString('en')} turns`
  return [...new Set(runs.map(titleOf))]
    .map((title) => `## ${title}\n\n${table(runs.filter((run) => titleOf(run) === title))}`)
    .join('\n\n')
}

function table(runs: readonly StreamRun[]): string {
  const order = Object.keys(contestants)
  const sorted = runs.toSorted((one, other) => order.indexOf(one.contestant) - order.indexOf(other.contestant))
  const rows = sorted.map(({ contestant, slideTokens, sample, firstTokenMs, tokensPerSecond, cachedTokens, bytes, turns }) => [
    `${contestants[contestant].label}${slideTokens === undefined ? '' : `, text slides at ${slideTokens.toLocaleString('en')}`}${sample === undefined ? '' : ' *'}`,
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
  return markdownTable(head, rows)
}

/** Multiplications for which each layer's self-attention reads a token of the cache: scores and sums. */
function multiplicationsPerCachedToken(shape: ShapeName): number {
  const { num_hidden_layers: layers, hidden_size: width } = shapes[shape].text as {
    num_hidden_layers: number
    hidden_size: number
  }
  return 2 * layers * width
}

/** What times are made of, for the longest stream of each model. */
function growthTable(runs: readonly StreamRun[]): string {
  const head = [
    'shape',
    'model',
    'first token, ms, empty cache',
    'and per 1,000 tokens in it',
    'each further token, ms, empty cache',
    'and per 1,000 tokens in it',
  ]
  const rows = (Object.keys(shapes) as ShapeName[]).flatMap((shape) =>
    Object.entries(contestants).flatMap(([name, { label }]) => {
      const own = runs.filter((run) => run.shape === shape && run.contestant === name && run.slideTokens === undefined)
      const longest = own.sort((one, other) => other.turns - one.turns)[0]
      const growth = longest && growthOf(longest)
      if (!growth) return []
      const { firstTokenMs: first, tokenMs: each } = growth
      const cells = [first.constant, first.perThousand, each.constant, each.perThousand].map((ms) => ms.toFixed(2))
      return [`| ${[shape, label, ...cells].join(' | ')} |`]
    }),
  )
  if (rows.length === 0) return ''
  const named = (Object.keys(shapes) as ShapeName[]).filter((shape) => runs.some((run) => run.shape === shape))
  const work = named.map(
    (shape) =>
      `${((1000 * multiplicationsPerCachedToken(shape)) / 1e6).toFixed(1)} million multiplications in the ${shape} shape`,
  )
  return `## What grows

Lines through the points of each stream: a time that is always there, and one for each 1,000 tokens in the cache. Self-attention
reads every one of them for each token: per 1,000, ${work.join(' and ')}. Nothing else depends on how long the stream has run.

| ${head.join(' | ')} |
| --- | --- |${' ---: |'.repeat(head.length - 2)}
${rows.join('\n')}
`
}

/** What a stream that slides would have taken if it kept all of its text. */
function withoutSliding(runs: readonly StreamRun[]): string {
  const sliding = runs.filter(({ slideTokens }) => slideTokens !== undefined).sort((one, other) => other.turns - one.turns)[0]
  const kept = runs
    .filter((run) => run.slideTokens === undefined && run.shape === sliding?.shape && run.contestant === sliding.contestant)
    .sort((one, other) => other.turns - one.turns)[0]
  const growth = kept && growthOf(kept)
  if (!sliding || !growth || sliding.turns <= kept.turns) return ''
  const tokens = sliding.turns * textTokensPerTurn
  const {
    num_hidden_layers: layers,
    num_key_value_heads: heads,
    hidden_size: width,
    num_attention_heads: queries,
  } = shapes[sliding.shape].text as Record<string, number>
  const megabytes = (tokens * layers! * 2 * heads! * (width! / queries!) * 4) / 1e6
  const last = growth.firstTokenMs.constant + (growth.firstTokenMs.perThousand * tokens) / 1000
  const token = growth.tokenMs.constant + (growth.tokenMs.perThousand * tokens) / 1000
  return `Without sliding, ${sliding.turns.toLocaleString('en')} turns would leave ${tokens.toLocaleString('en')} tokens: ${megabytes.toFixed(0)} MB of keys and values, and by the table above ${(last / 1000).toFixed(1)} s to a first token and ${(1000 / token).toFixed(1)} tokens
per second at the end (computed). With text that slides at ${sliding.slideTokens!.toLocaleString('en')} it took ${sliding.firstTokenMs.last.toFixed(1)} ms and ${sliding.tokensPerSecond.last.toFixed(0)} tokens per second there (measured).
`
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
  const named = Object.entries(shapes).flatMap(([name, { description }]) =>
    runs.some(({ shape }) => shape === name) ? [`- ${name}: ${description}`] : [],
  )
  const machines = [...new Set(runs.map(({ machine }) => machine))]
  const most = Math.max(...runs.map(({ repeats }) => repeats))
  const repeated =
    most === 1 ? 'Each stream was run once.' : `Streams were run up to ${most} times; of each turn the shortest time counts.`
  const samples = [...new Set(runs.flatMap(({ sample }) => sample ?? []))]
  const sampled =
    samples.length === 0
      ? ''
      : `\\* Of the first and of the last tenth the middle ${samples.join(' or ')} turns were run, eight in between and the last. The cache in front of them held as many
rows as the stream would have written by then.\n\n`
  const charts = Object.keys(streamCharts(runs)).map((name) => `![${name.replace('.svg', '').replaceAll('-', ' ')}](${name})`)
  return `# What a stream of frames costs

Made by \`casa bench stream --out\`. Every turn is a frame and 16 greedy tokens, as in the paper's streaming benchmark (arXiv 2512.19535);
it leaves 18 text tokens in the cache. Columns compare the first tenth of the turns with the last, by medians, in processor time. Weights are
random. The cache is allocated at its full capacity when a stream begins, so memory is flat for all of them; tokens in the cache say what a
stream needs.

${named.join('\n')}

Measured on ${machines.join('; ')}, one thread, other programs running. ${repeated}

${formatRuns(runs)}

${sampled}${charts.join('\n')}

${growthTable(runs)}
${withoutSliding(runs)}
## Reading it

CASA's frames leave nothing in the cache, its text does: 18 tokens per turn, and self-attention reads all of it for every token. That is all
that grows: memory and everything else stay as they are. A frame's first token waits for three tokens, the stop token and two marks, which
read the cache together. In the shipped shape the text soon outweighs the rest: its layers hold 2.4 million weights, and
after 512 turns a token is compared with 9,200 others, which is 14 million multiplications. Helium-1-2b's width has 75 million weights in each
layer, and the same text costs half as many multiplications again.

The paper's CASA hardly slows down because there that time is not seen: a token takes 17 ms on its H100, which reads the model's 5 GB (bfloat16)
in 1.5 ms and the text of 512 turns, 1.1 GB of keys and values, in 0.3 ms. One core has nothing to hide it behind.

Text that slides bounds it: the cache then holds a quarter of its capacity up to all of it, and the first tenth, which begins with an empty
cache, may be a little faster than what follows. With insertion every frame's image tokens are read again for every token, too.

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
