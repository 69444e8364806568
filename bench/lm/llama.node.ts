/**
 * llama.cpp through node-llama-cpp. Prints one line of JSON, an LmResult.
 *
 *   llama.node.ts FOLDER model.gguf THREADS PREFILL DECODE
 */
import { least, per, promptIds, rounds, shortPrompt, sinceStart, timed, type LmResult } from './lm.ts'
import { loadLlama } from './node-llama.ts'

const [folder, modelPath, threads, prefill, decode] = process.argv.slice(2) as [string, string, string, string, string]
const [prefillTokens, decodeTokens] = [Number(prefill), Number(decode)]
const contextSize = prefillTokens + decodeTokens + 8
const { sequence, dispose } = await loadLlama(folder, modelPath, { threads: Number(threads), contextSize })

/** The likeliest token after these, and the generator to go on with. */
async function next(tokens: number[]) {
  const generator = sequence.evaluate(tokens, { temperature: 0 })
  return { generator, token: (await generator.next()).value as number }
}

await (await next([...promptIds(shortPrompt)])).generator.return()
const firstToken = sinceStart()

async function round() {
  await sequence.clearHistory()
  const prompt = [...promptIds(prefillTokens)]
  const [{ generator, token }, prefill] = await timed(() => next(prompt))
  const tokens = [token]
  const [, all] = await timed(async () => {
    for (let i = 0; i < decodeTokens; i++) tokens.push((await generator.next()).value as number)
  })
  await generator.return()
  return { prefill, decode: per(all, decodeTokens), tokens }
}

const results = []
for (let i = 0; i < rounds; i++) results.push(await round())
const result: LmResult = {
  setting: 'native, prebuilt binary',
  rounds,
  firstToken,
  prefill: least(results.map(({ prefill }) => prefill)),
  decode: least(results.map(({ decode }) => decode)),
  tokens: results[0]!.tokens.slice(0, 8),
  peakBytes: process.resourceUsage().maxRSS * 1024,
}
await dispose()
console.log(JSON.stringify(result))
process.exit(0)
