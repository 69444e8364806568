/**
 * `casa serve` with the shipped model under load, on loopback, and the time to the first token of a conversation's second message with and
 * without its kept cache. Exits with 1 when a request fails with anything but status 429, or memory grows.
 *
 *   pnpm bench serve [--clients 32] [--seconds 60] [--rounds 20] [--no-write]
 */
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import OpenAI, { APIError, RateLimitError } from 'openai'
import { docs, node } from './processes.ts'
import { servePage, type LoadResult, type ServeResults, type TurnResult } from './serve-page.ts'

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '32' },
    seconds: { type: 'string', default: '60' },
    rounds: { type: 'string', default: '20' },
    write: { type: 'boolean', default: true },
  },
  allowNegative: true,
})
const clients = Number(values.clients)
const seconds = Number(values.seconds)
const rounds = Number(values.rounds)

type Messages = OpenAI.ChatCompletionMessageParam[]
const pictures = ['sign', 'emoji', 'first', 'second'].map((name) => {
  const file = readFileSync(new URL(`../apps/cli/samples/${name}.png`, import.meta.url))
  return { type: 'image_url' as const, image_url: { url: `data:image/png;base64,${file.toString('base64')}` } }
})
const about = (picture: number, text: string): Messages => [
  { role: 'user', content: [pictures[picture % pictures.length]!, { type: 'text', text }] },
]

interface Server {
  client: OpenAI
  url: string
  /** A value of /metrics. */
  metric(name: string): Promise<number>
  stop(): Promise<void>
}

async function startServer(...flags: string[]): Promise<Server> {
  const [program, ...args] = node('apps/cli/src/bin.ts', [
    'serve',
    '--port',
    '0',
    '--name',
    'reader',
    '--device',
    'wasm',
    ...flags,
  ])
  const server = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  process.once('exit', () => server.kill())
  const url = await new Promise<string>((resolve, reject) => {
    server.stdout.on('data', (text: Buffer) => {
      const found = /on (http:\S+)\/v1/.exec(String(text))?.[1]
      if (found) resolve(found)
    })
    server.once('exit', (code) => reject(new Error(`casa serve ended with ${code}`)))
  })
  return {
    url,
    client: new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 }),
    async metric(name) {
      const page = await (await fetch(`${url}/metrics`)).text()
      return Number(
        page
          .split('\n')
          .find((line) => line.startsWith(`${name} `))
          ?.slice(name.length),
      )
    },
    async stop() {
      const ended = new Promise((resolve) => server.once('exit', resolve))
      server.kill('SIGINT')
      await ended
    },
  }
}

/** @returns the answer, and the milliseconds to its first text and to its end */
async function ask({ client }: Server, messages: Messages): Promise<{ text: string; firstMs: number; wholeMs: number }> {
  const begin = performance.now()
  let firstMs: number | undefined
  let text = ''
  const stream = await client.chat.completions.create({ model: 'reader', messages, stream: true, max_tokens: 24 })
  for await (const chunk of stream) {
    const said = chunk.choices[0]?.delta.content ?? ''
    if (said !== '') firstMs ??= performance.now() - begin
    text += said
  }
  const wholeMs = performance.now() - begin
  return { text, firstMs: firstMs ?? wholeMs, wholeMs }
}

async function loadTest(): Promise<LoadResult> {
  const server = await startServer()
  const firstMs: number[] = []
  const wholeMs: number[] = []
  const errors: string[] = []
  const memory: LoadResult['memory'] = []
  let refused = 0
  const until = (end: number) =>
    Array.from({ length: clients }, async (_, id) => {
      for (let i = 0; performance.now() < end; i++) {
        let messages = about(id + i, `What does it say? ${id}.${i}`)
        // Every second conversation has another message.
        for (let turn = 0; turn <= i % 2 && performance.now() < end;) {
          try {
            const answer = await ask(server, messages)
            firstMs.push(answer.firstMs)
            wholeMs.push(answer.wholeMs)
            messages = [...messages, { role: 'assistant', content: answer.text }, { role: 'user', content: 'And what else?' }]
            turn++
          } catch (error) {
            if (error instanceof RateLimitError) {
              refused++
              await wait(Number(error.headers.get('retry-after')) * 1000)
            } else errors.push(error instanceof APIError ? `${error.status} ${error.message}` : String(error))
          }
        }
      }
    })
  const sample = async (second: number) => {
    const [rss, tensors, kept] = await Promise.all([
      server.metric('process_resident_memory_bytes'),
      server.metric('casa_tensors'),
      server.metric('casa_kept_conversations'),
    ])
    memory.push({ second, rss, tensors, kept })
  }
  // Warm: the cache of conversations is full, the engine has its buffers.
  await Promise.all(until(performance.now() + Math.min(10_000, seconds * 1000)))
  firstMs.length = wholeMs.length = refused = 0
  await sample(0)
  const begin = performance.now()
  const work = Promise.all(until(begin + seconds * 1000))
  const step = Math.max(1, Math.round(seconds / 12))
  for (let second = step; second < seconds; second += step) {
    await wait(Math.max(0, begin + second * 1000 - performance.now()))
    await sample(second)
  }
  await work
  const elapsedSeconds = (performance.now() - begin) / 1000
  await sample(Math.round(elapsedSeconds))
  await server.stop()
  return {
    clients,
    seconds: elapsedSeconds,
    answers: wholeMs.length,
    refused,
    errors,
    firstMs: quantiles(firstMs),
    wholeMs: quantiles(wholeMs),
    memory,
  }
}

/** Second messages of conversations of a few lengths, to a server that keeps conversations and to one that keeps none, by turns. */
async function turnTest(): Promise<TurnResult[]> {
  const keeping = await startServer('--keep', '8')
  const forgetting = await startServer('--keep', '0')
  const results: TurnResult[] = []
  for (const words of [0, 60, 120, 230]) {
    const times: Record<'kept' | 'fresh', number[]> = { kept: [], fresh: [] }
    let promptTokens = 0
    for (let round = 0; round <= rounds; round++) {
      const first = about(round, `${'sign '.repeat(words)}What does it say? ${round}`)
      for (const [name, server] of [
        ['kept', keeping],
        ['fresh', forgetting],
      ] as const) {
        const { text } = await ask(server, first)
        const second: Messages = [...first, { role: 'assistant', content: text }, { role: 'user', content: 'And what else?' }]
        const before = await server.metric('casa_prompt_tokens_total')
        const { firstMs } = await ask(server, second)
        promptTokens = (await server.metric('casa_prompt_tokens_total')) - before
        // The first round warms up.
        if (round > 0) times[name].push(firstMs)
      }
    }
    results.push({ promptTokens, kept: quantiles(times.kept), fresh: quantiles(times.fresh) })
  }
  await Promise.all([keeping.stop(), forgetting.stop()])
  return results
}

function quantiles(times: number[]): { p50: number; p95: number } {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN
  return { p50: at(0.5), p95: at(0.95) }
}

const results: ServeResults = {
  machine: { processor: cpus()[0]?.model.trim() ?? 'unknown', cores: cpus().length, node: process.versions.node },
  date: new Date().toISOString().slice(0, 10),
  load: loadavg()[0]!,
  turns: await turnTest(),
  run: await loadTest(),
}
const { page, grew } = servePage(results)
console.log(page)
if (values.write) {
  writeFileSync(join(docs, 'serve.json'), JSON.stringify(results, undefined, 2) + '\n')
  writeFileSync(join(docs, 'serve.md'), page)
}
for (const error of results.run.errors.slice(0, 10)) console.error(error)
if (grew) console.error('memory grew')
process.exitCode = results.run.errors.length > 0 || grew ? 1 : 0
