/**
 * casa-js on a language model, in a process of its own: prefill and decoding on so many threads. Prints one line of JSON.
 *
 *   casa.node.ts MODEL float32|compressed THREADS PREFILL DECODE
 */
import { createSession, loadModel } from '@casa-js/vlm'
import { close, init } from '@casa-js/tensor'
import { processorMs } from '../processor-time.node.ts'
import { promptIds, type LmResult, type Timing } from './lm.ts'

const [model, weights, threads, prefill, decode] = process.argv.slice(2) as [
  string,
  'float32' | 'compressed',
  string,
  string,
  string,
]
const [prefillTokens, decodeTokens] = [Number(prefill), Number(decode)]

async function timed<T>(run: () => Promise<T>): Promise<[T, Timing]> {
  const [start, processorStart] = [performance.now(), processorMs()]
  const result = await run()
  return [result, { clockMs: performance.now() - start, processorMs: processorMs() - processorStart }]
}

const report = await init({ device: 'wasm', threads: Number(threads) })
const [loaded, load] = await timed(() => loadModel(model, { weights }))
const ids = promptIds(prefillTokens)
const greedy = (logits: Float32Array) => logits.reduce((best, x, i) => (x > logits[best]! ? i : best), 0)

/** A prompt, then tokens one by one, each the likeliest. */
async function round(): Promise<{ first: Timing; each: Timing; tokens: number[] }> {
  const session = createSession(loaded, { capacityTokens: prefillTokens + decodeTokens + 1 })
  const [logits, first] = await timed(() => session.append({ ids, images: [] }))
  const tokens = [greedy(logits)]
  const step = async () => tokens.push(greedy(await session.append({ ids: Int32Array.of(tokens.at(-1)!), images: [] })))
  // Steps that are traced to make a plan are not counted.
  for (let i = 0; i < 4; i++) await step()
  const [, all] = await timed(async () => {
    for (let i = 4; i < decodeTokens; i++) await step()
  })
  session.dispose()
  const per = (total: number) => total / (decodeTokens - 4)
  return { first, each: { clockMs: per(all.clockMs), processorMs: per(all.processorMs) }, tokens }
}

await round()
const rounds = [await round(), await round()]
const best = (timings: Timing[]): Timing => timings.reduce((a, b) => (b.processorMs < a.processorMs ? b : a))
const result: LmResult = {
  setting: `wasm, ${report.threads} ${report.threads === 1 ? 'thread' : 'threads'}, ${report.features.join(', ')}`,
  load,
  prefill: best(rounds.map(({ first }) => first)),
  decode: best(rounds.map(({ each }) => each)),
  tokens: rounds[0]!.tokens.slice(0, 16),
  peakBytes: process.resourceUsage().maxRSS * 1024,
}
loaded.dispose()
await close()
console.log(JSON.stringify(result))
