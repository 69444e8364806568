/**
 * casa-js on a language model, in a process of its own. Prints one line of JSON, an LmResult.
 *
 *   casa.node.ts MODEL float32|compressed THREADS PREFILL DECODE [wide]
 */
import { close, init } from '@casa-js/tensor'
import { createSampler, createSession, loadModel } from '@casa-js/vlm'
import { least, per, promptIds, rounds, shortPrompt, sinceStart, timed, type LmResult } from './lm.ts'

const [model, weights, threads, prefill, decode, wide] = process.argv.slice(2) as [
  string,
  'float32' | 'compressed',
  string,
  string,
  string,
  'wide' | undefined,
]
const [prefillTokens, decodeTokens] = [Number(prefill), Number(decode)]
/** The first steps after a prompt are traced to make a plan; they are not counted. */
const tracedSteps = 4

const report = await init({ device: 'wasm', threads: Number(threads), wideVectors: wide === 'wide' })
const loaded = await loadModel(model, { weights })
/** Greedy, as answers are made. */
const sampler = createSampler()

const first = createSession(loaded, { capacityTokens: shortPrompt })
await first.choose({ ids: promptIds(shortPrompt), images: [] }, sampler, [])
const firstToken = sinceStart()
first.dispose()

/** A prompt, then tokens one by one, each the likeliest. */
async function round() {
  const session = createSession(loaded, { capacityTokens: prefillTokens + tracedSteps + decodeTokens })
  const choose = (ids: Int32Array) => session.choose({ ids, images: [] }, sampler, [])
  const [token, prefill] = await timed(() => choose(promptIds(prefillTokens)))
  const tokens = [token]
  const step = async () => tokens.push(await choose(Int32Array.of(tokens.at(-1)!)))
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
  rounds,
  firstToken,
  prefill: least(results.map(({ prefill }) => prefill)),
  decode: least(results.map(({ decode }) => decode)),
  tokens: results[0]!.tokens.slice(0, 8),
  peakBytes: process.resourceUsage().maxRSS * 1024,
}
loaded.dispose()
await close()
console.log(JSON.stringify(result))
