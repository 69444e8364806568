/**
 * wllama, llama.cpp compiled to WebAssembly, in Chromium: the peer that has the same instructions as casa-js. It is installed into a
 * folder of its own. Prints one line of JSON, an LmResult.
 *
 *   wllama.node.ts FOLDER model.gguf THREADS PREFILL DECODE
 */
import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { chromium } from 'playwright-core'
import { findBrowser } from '../../scripts/browser.mjs'
import { least, rounds, shortPrompt, type LmResult, type Timing } from './lm.ts'
import { peakBytesOf, processorMsOf } from './process-tree.ts'

const [folder, model, threads, prefill, decode] = process.argv.slice(2) as [string, string, string, string, string]
const [prefillTokens, decodeTokens] = [Number(prefill), Number(decode)]

const page = `<!doctype html><script type="module">
import { Wllama, LoggerWithoutDebug } from '/wllama/index.js'
const wllama = new Wllama({ default: '/wllama/wasm/wllama.wasm' }, { logger: LoggerWithoutDebug })
window.load = async (threads, contextTokens) => {
  const model = await (await fetch('/model.gguf')).blob()
  await wllama.loadModel([model], { n_threads: threads, n_ctx: contextTokens, n_batch: contextTokens, n_gpu_layers: 0 })
  return { threads: wllama.getNumThreads(), isolated: crossOriginIsolated }
}
window.complete = async (prompt, count) => {
  const options = { prompt, max_tokens: count, temperature: 0, ignore_eos: true, cache_prompt: false, stream: true }
  let last
  let first
  for await (const chunk of await wllama.createCompletion(options)) {
    first ??= noteFirst()
    last = chunk
  }
  await first
  return { promptTokens: last.timings?.prompt_n, tokens: last.timings?.predicted_n }
}
window.ready = true
</script>`

const types: Record<string, string> = { '.js': 'text/javascript', '.wasm': 'application/wasm' }
const server = createServer((request, response) => {
  const path = new URL(request.url!, 'http://localhost').pathname
  // Threads need a page that is cross-origin isolated.
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
  response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp')
  if (path === '/') return response.setHeader('Content-Type', 'text/html').end(page)
  const file = path === '/model.gguf' ? model : join(folder, 'node_modules/@wllama/wllama/esm', path.replace(/^\/wllama\//, ''))
  try {
    response.setHeader('Content-Length', statSync(file).size)
  } catch {
    return response.writeHead(404).end()
  }
  response.setHeader('Content-Type', types[extname(file)] ?? 'application/octet-stream')
  return createReadStream(file).pipe(response)
})
await new Promise<void>((listening) => server.listen(0, () => listening()))

/**
 * wllama takes text, not ids. These words are one token each, with the space before them; other tokens than the other contestants', as many, which
 * is checked.
 */
const words = 'the of and to in is that it for was on are as with his they at be this from have or by one'.split(' ')
const textOf = (tokens: number): string =>
  Array.from({ length: tokens }, (_, i) => ` ${words[(i * i + i) % words.length]}`).join('')

interface Completion {
  promptTokens: number
  tokens: number
}
interface Page {
  ready: boolean
  load(threads: number, contextTokens: number): Promise<{ threads: number; isolated: boolean }>
  complete(prompt: string, count: number): Promise<Completion>
}

const start = performance.now()
const browserServer = await chromium.launchServer({
  executablePath: findBrowser()!,
  args: ['--no-sandbox', '--disable-quic', '--disable-background-networking'],
})
const root = browserServer.process().pid!
const browser = await chromium.connect(browserServer.wsEndpoint())
try {
  const tab = await browser.newPage()
  tab.setDefaultTimeout(600_000)
  await tab.goto(`http://localhost:${(server.address() as AddressInfo).port}/`)
  await tab.waitForFunction(() => (globalThis as unknown as Page).ready)
  const loaded = await tab.evaluate(
    ([threads, context]) => (globalThis as unknown as Page).load(threads!, context!),
    [Number(threads), prefillTokens + decodeTokens + 8],
  )
  const complete = (prompt: number, count: number): Promise<Completion> =>
    tab.evaluate(([text, count]) => (globalThis as unknown as Page).complete(text, count), [textOf(prompt), count] as const)
  const now = (): Timing => ({ clockMs: performance.now(), processorMs: processorMsOf(root) })
  const since = (from: Timing, to: Timing, count = 1): Timing => ({
    clockMs: (to.clockMs - from.clockMs) / count,
    processorMs: (to.processorMs - from.processorMs) / count,
  })
  let firstAt = now()
  await tab.exposeFunction('noteFirst', () => void (firstAt = now()))
  async function round() {
    const begin = now()
    const { promptTokens, tokens } = await complete(prefillTokens, 1 + decodeTokens)
    if (promptTokens !== prefillTokens || tokens !== 1 + decodeTokens)
      throw new Error(`wllama took ${promptTokens} tokens and made ${tokens}`)
    return { prompt: since(begin, firstAt), decode: since(firstAt, now(), decodeTokens) }
  }
  await complete(shortPrompt, 1)
  const firstToken = { clockMs: performance.now() - start, processorMs: processorMsOf(root) }
  const results = []
  for (let i = 0; i < rounds; i++) results.push(await round())
  const result: LmResult = {
    setting: `Chromium ${browser.version()}, WebAssembly, ${loaded.threads} thread(s)${loaded.isolated ? '' : ', not isolated'}`,
    rounds,
    firstToken,
    prefill: least(results.map(({ prompt }) => prompt)),
    decode: least(results.map(({ decode }) => decode)),
    tokens: [],
    peakBytes: peakBytesOf(root),
  }
  console.log(JSON.stringify(result))
} finally {
  await browser.close()
  await browserServer.close()
  server.close()
}
process.exit(0)
