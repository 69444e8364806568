/** Downloads in Chromium: one that was cut off by a reload goes on, one tab downloads while another waits, and what is kept can be removed. */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser, type BrowserContext } from 'playwright-core'
import { build, preview, type Plugin, type PreviewServer } from 'vite'
import type {} from './page/main.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findBrowser } from '../../../scripts/browser.mjs'

const root = fileURLToPath(new URL('./page', import.meta.url))
const model = fileURLToPath(new URL('../../../apps/cli/model', import.meta.url))
const weights = readFileSync(`${model}/model.safetensors`)
const chunkBytes = 1 << 18

/** Requests for weights: from where, and how many bytes were sent. */
const asked: { begin: number; sentBytes: number }[] = []
let pauseMs = 0

/** Serves the shipped model at /slow/, its weights in pieces, with a pause after each. */
const slow: Plugin = {
  name: 'slow',
  configurePreviewServer(server) {
    server.middlewares.use((request, response, next) => {
      const path = request.url?.split('?')[0] ?? ''
      const file = /^\/slow\/([\w.-]+)$/.exec(path)?.[1]
      if (!file) return next()
      if (file !== 'model.safetensors') {
        try {
          response.end(readFileSync(`${model}/${file}`))
        } catch {
          response.writeHead(404).end()
        }
        return
      }
      const begin = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      const entry = { begin, sentBytes: 0 }
      asked.push(entry)
      const size = weights.byteLength
      response.writeHead(begin > 0 ? 206 : 200, {
        ETag: '"weights"',
        'Accept-Ranges': 'bytes',
        'Content-Length': size - begin,
        ...(begin > 0 && { 'Content-Range': `bytes ${begin}-${size - 1}/${size}` }),
      })
      void (async () => {
        for (let at = begin; at < size && !response.destroyed; at += chunkBytes) {
          const part = weights.subarray(at, at + chunkBytes)
          response.write(part)
          entry.sentBytes += part.byteLength
          await delay(pauseMs)
        }
        response.end()
      })()
    })
  },
}

describe.skipIf(!findBrowser())('downloads in Chromium', { timeout: 360_000 }, () => {
  let server: PreviewServer
  let browser: Browser
  let context: BrowserContext

  const open = async () => {
    const page = await context.newPage()
    page.setDefaultTimeout(120_000)
    await page.goto(server.resolvedUrls!.local[0]!)
    await page.waitForFunction(() => 'casa' in window)
    return page
  }

  beforeAll(async () => {
    const config = {
      root,
      configFile: false as const,
      logLevel: 'error' as const,
      plugins: [slow],
      resolve: { conditions: ['@casa-js/source', 'browser', 'module', 'import', 'default'] },
      worker: { format: 'es' as const },
      build: { outDir: '.cache/download', emptyOutDir: true, target: 'es2022' as const, chunkSizeWarningLimit: 3000 },
    }
    await build(config)
    server = await preview({ ...config, preview: { port: 0, open: false } })
    browser = await chromium.launch({
      executablePath: findBrowser()!,
      args: ['--no-sandbox', '--disable-quic', '--disable-background-networking'],
    })
  }, 360_000)
  beforeEach(async () => {
    await context?.close()
    context = await browser.newContext()
    asked.length = 0
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  it('a reload in the middle of a file costs only what was on its way', async () => {
    pauseMs = 50
    const page = await open()
    // Resolves in the middle; the load itself is killed.
    await page.evaluate(
      () =>
        new Promise<void>((resolve) => {
          void casa.createVlmClient({
            model: '/slow/',
            device: 'wasm',
            onProgress: (progress) => progress.stage === 'download' && progress.receivedBytes > 3e6 && resolve(),
          })
        }),
    )
    await page.reload()
    await page.waitForFunction(() => 'casa' in window)
    pauseMs = 0
    const answer = await page.evaluate(async () => {
      const client = await casa.createVlmClient({ model: '/slow/', device: 'wasm' })
      const { fusion } = client.info
      await client.dispose()
      return fusion
    })
    expect(answer).toBe('casa')
    expect(asked).toHaveLength(2)
    expect(asked[0]!.begin).toBe(0)
    expect(asked[1]!.begin).toBeGreaterThan(3e6)
    expect(asked[1]!.sentBytes).toBe(weights.byteLength - asked[1]!.begin)
  })

  it('one tab downloads, the other waits for it', async () => {
    pauseMs = 20
    const pages = [await open(), await open()]
    const infos = await Promise.all(
      pages.map((page) =>
        page.evaluate(async () => {
          const client = await casa.createVlmClient({ model: '/slow/', device: 'wasm' })
          const { parameters } = client.info
          await client.dispose()
          return parameters
        }),
      ),
    )
    expect(infos[0]).toBe(infos[1])
    expect(asked).toEqual([{ begin: 0, sentBytes: weights.byteLength }])
  })

  it('says which models are kept, and how much room there is; a removed one is downloaded again', async () => {
    pauseMs = 0
    const page = await open()
    const seen = await page.evaluate(async () => {
      const load = async () => (await casa.createVlmClient({ model: '/slow/', device: 'wasm' })).dispose()
      const before = await casa.listModels()
      await load()
      await load()
      const kept = await casa.listModels()
      const use = await casa.storageUse()
      await casa.removeModel(kept[0]!.model)
      const after = await casa.listModels()
      const { usedBytes } = await casa.storageUse()
      await load()
      return { before, kept, use, after, usedBytes }
    })
    expect(seen.before).toEqual([])
    expect(seen.kept).toHaveLength(1)
    expect(seen.kept[0]!.model).toMatch(/\/slow\/$/)
    expect(seen.kept[0]!.bytes).toBeGreaterThanOrEqual(weights.byteLength)
    expect(seen.use.usedBytes).toBeGreaterThan(weights.byteLength)
    expect(seen.use.quotaBytes).toBeGreaterThan(seen.use.usedBytes)
    expect(seen.after).toEqual([])
    expect(seen.usedBytes).toBeLessThan(seen.use.usedBytes - weights.byteLength / 2)
    expect(asked.map(({ begin }) => begin)).toEqual([0, 0])
  })

  it('a full storage is said in words', async () => {
    pauseMs = 0
    const page = await open()
    const session = await context.newCDPSession(page)
    const origin = new URL(page.url()).origin
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 2_000_000 })
    const fault = await page.evaluate(() =>
      casa
        .createVlmClient({ model: '/slow/', device: 'wasm' })
        .then(() => undefined)
        .catch(({ name, message }: Error) => ({ name, message })),
    )
    expect(fault).toMatchObject({
      name: 'WeightError',
      message: expect.stringMatching(/storage for this page is full .*remove models/),
    })
  })
})
