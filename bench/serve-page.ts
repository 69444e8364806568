/** The server under load, as a page of markdown. */

export interface Quantiles {
  p50: number
  p95: number
}

export interface LoadResult {
  clients: number
  seconds: number
  answers: number
  /** Responses with status 429. */
  refused: number
  /** Every other failure. */
  errors: string[]
  /** From a request to its first text, by the client's clock. */
  firstMs: Quantiles
  wholeMs: Quantiles
  memory: { second: number; /** Bytes. */ rss: number; tensors: number; /** Conversations. */ kept: number }[]
}

export interface TurnResult {
  /** Of the second message, with the conversation before it. */
  promptTokens: number
  kept: Quantiles
  fresh: Quantiles
}

export interface ServeResults {
  machine: { processor: string; cores: number; node: string }
  date: string
  /** One-minute load average before the run. */
  load: number
  turns: TurnResult[]
  run: LoadResult
}

/** Growth of the mean from the first half of the samples to the second that counts as noise: freed memory comes back late. */
const noise = 0.1

const mean = (list: number[]) => list.reduce((sum, each) => sum + each, 0) / list.length
const ms = (value: number) => value.toFixed(0)
const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(0)

/** @returns the page, and whether memory grew: more tensors at rest than before, or resident memory that rises */
export function servePage({ machine, date, load, turns, run }: ServeResults): { page: string; grew: boolean } {
  const { memory } = run
  const [first, last] = [memory[0]!, memory.at(-1)!]
  const half = Math.floor(memory.length / 2)
  const [early, late] = [memory.slice(0, half), memory.slice(-half)].map((part) => mean(part.map(({ rss }) => rss)))
  const grew = last.tensors !== first.tensors || late! > early! * (1 + noise)
  const page = `# The server under load

Written by \`pnpm bench serve\`: \`casa serve\` with the shipped model on wasm, on loopback, clients and server on one machine
(${machine.processor}, ${machine.cores} cores, Node ${machine.node}, ${date}, load average ${load.toFixed(1)} before the run).

## ${run.clients} clients for ${Math.round(run.seconds)} seconds

Each client asks about a picture, streamed, and every second time adds another message. A client that gets status 429 waits as
long as \`Retry-After\` says. The server's limits are its defaults: 4 answers at once, 32 requests that wait, 8 kept conversations.

| | |
| --- | ---: |
| answers | ${run.answers} |
| answers per second | ${(run.answers / run.seconds).toFixed(1)} |
| status 429 | ${run.refused} |
| other errors | ${run.errors.length} |
| time to the first text, p50 | ${ms(run.firstMs.p50)} ms |
| time to the first text, p95 | ${ms(run.firstMs.p95)} ms |
| whole answer, p50 | ${ms(run.wholeMs.p50)} ms |
| whole answer, p95 | ${ms(run.wholeMs.p95)} ms |

Memory. The first and the last row are at rest, so their tensors are equal: weights and kept conversations. In between, those of running
answers come on top.

| second | resident MiB | tensors | kept conversations |
| ---: | ---: | ---: | ---: |
${memory.map(({ second, rss, tensors, kept }) => `| ${second} | ${mib(rss)} | ${tensors} | ${kept} |`).join('\n')}

## Second messages

Time to the first text of a conversation's second message: with the cache of the first answer, and without it (\`--keep 0\`), where the whole
conversation is processed again.

| tokens of the conversation | kept, p50 | fresh, p50 | ratio | kept, p95 | fresh, p95 |
| ---: | ---: | ---: | ---: | ---: | ---: |
${turns
  .map(
    ({ promptTokens, kept, fresh }) =>
      `| ${promptTokens} | ${ms(kept.p50)} ms | ${ms(fresh.p50)} ms | ${(fresh.p50 / kept.p50).toFixed(1)} | ${ms(kept.p95)} ms | ${ms(fresh.p95)} ms |`,
  )
  .join('\n')}
`
  return { page, grew }
}
