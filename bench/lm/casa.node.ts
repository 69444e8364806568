/**
 * casa-js on a language model, in a process of its own. Prints one line of JSON, an LmResult.
 *
 *   casa.node.ts MODEL float32|compressed THREADS PREFILL DECODE
 */
import { close, init } from '@casa-js/tensor'
import { createSession, loadModel } from '@casa-js/vlm'
import { least, per, promptIds, rounds, shortPrompt, sinceStart, timed, type LmResult } from './lm.ts'

const [model, weights, threads, prefill, decode] = process.argv.slice(2) as [
  string,
  'float32' | 'compressed',
  string,
  string,
  string,
]
const [prefillTokens, decodeTokens] = [Number(prefill), Number(decode)]
/** The first steps after a prompt are traced to make a plan; they are not counted. */
const tracedSteps = 4

const report = await init({ device: 'wasm', threads: Number(threads) })
const loaded = await loadModel(model, { weights })
const greedy = (logits: Float32Array) => logits.reduce((best, x, i) => (x > logits[best]! ? i : best), 0)

const first = createSession(loaded, { capacityTokens: shortPrompt })
greedy(await first.append({ ids: promptIds(shortPrompt), images: [] }))
const firstToken = sinceStart()
first.dispose()

/** A prompt, then tokens one by one, each the likeliest. */
async function round() {
  const session = createSession(loaded, { capacityTokens: prefillTokens + tracedSteps + decodeTokens })
  const [logits, prefill] = await timed(() => session.append({ ids: promptIds(prefillTokens), images: [] }))
  const tokens = [greedy(logits)]
  const step = async () => tokens.push(greedy(await session.append({ ids: Int32Array.of(tokens.at(-1)!), images: [] })))
  for (let i = 0; i < tracedSteps; i++) await step()
  const [, all] = await timed(async () => {
    for (let i = 0; i < decodeTokens; i++) await step()
  })
  session.dispose()
  return { prefill, decode: per(all, decodeTokens), tokens }
}

const results = []
for (let i = 0; i < rounds; i++) results.push(await round())
const result: LmResult = {
  setting: `wasm, ${report.features.join(', ')}`,
  firstToken,
  prefill: least(results.map(({ prefill }) => prefill)),
  decode: least(results.map(({ decode }) => decode)),
  tokens: results[0]!.tokens.slice(0, 8),
  peakBytes: process.resourceUsage().maxRSS * 1024,
}
loaded.dispose()
await close()
console.log(JSON.stringify(result))
