/** The private file system of a browser, as cache and as a place for models, in Chromium. Skipped where there is none. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createViteServer } from 'vitest/node'
import type * as weightsPackage from '../index.ts'
import { HostileServer } from '../remote/fixtures/hostile-server.ts'
import { encodeSafetensors } from '../safetensors/writer.ts'

const chromiumPath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => path && existsSync(path),
)
const repository = fileURLToPath(new URL('../../../..', import.meta.url))
const file = await encodeSafetensors({
  w: { dtype: 'BF16', shape: [200_000], data: Float32Array.from({ length: 200_000 }, (_, i) => i % 97) },
})
const sha256 = createHash('sha256').update(file).digest('hex')

/** Globals set by the page's script. */
declare const weights: typeof weightsPackage

describe.skipIf(!chromiumPath)('in Chromium', () => {
  let pages: Awaited<ReturnType<typeof createViteServer>>
  let files: HostileServer
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    files = await HostileServer.start(file)
    pages = await createViteServer({
      root: `${repository}/packages/weights`,
      configFile: false,
      logLevel: 'error',
      resolve: { conditions: ['@casa-js/source', 'browser', 'module', 'import', 'default'] },
      server: { port: 0, host: '127.0.0.1', ws: false, hmr: false, fs: { allow: [repository] } },
      optimizeDeps: { noDiscovery: true, include: [] },
    })
    await pages.listen()
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] })
    page = await browser.newPage()
    page.on('pageerror', (error) => console.error('the page:', error.message))
    await open()
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await pages?.close()
    await files?.stop()
  })

  async function open(): Promise<void> {
    await page.goto(`${pages.resolvedUrls!.local[0]}package.json`)
    const content = "import * as weights from '/src/index.ts'; globalThis.weights = weights"
    await page.addScriptTag({ type: 'module', content })
    await page.waitForFunction('globalThis.weights')
  }

  /** On the page: downloads model.safetensors with a known hash and reads a tensor; returns the error's name and rule on failure. */
  const fetched = (stallMs = 30_000) =>
    page.evaluate(
      async ({ address, sha256, stallMs }) => {
        const folder = weights.httpFolder(address, { files: { 'model.safetensors': { sha256 } }, retries: 0, stallMs })
        try {
          const values = await (await weights.openWeights(folder)).read('w')
          return { length: values.length, sum: values.reduce((a, b) => a + b, 0) }
        } catch (error) {
          const { name, rule, message } = error as Error & { rule: string }
          return { name, rule, message }
        }
      },
      { address: files.url.replace('/model.safetensors', ''), sha256, stallMs },
    )
  const whole = { length: 200_000, sum: Array.from({ length: 200_000 }, (_, i) => i % 97).reduce((a, b) => a + b) }

  it('refuses a file of the wrong hash, and does not keep it', async () => {
    files.misdeeds = [{ garbage: true }]
    expect(await fetched()).toMatchObject({ name: 'WeightError', rule: 'hash' })
  })

  it('keeps what came before a stall, and goes on from there on the next visit', async () => {
    files.misdeeds = [{ stallAfter: 300_000 }]
    expect(await fetched(3000)).toMatchObject({ name: 'WeightError', rule: 'http' })
    await open()
    files.requests.length = 0
    expect(await fetched()).toEqual(whole)
    expect(files.requests.map(({ headers }) => headers.range)).toEqual([expect.stringMatching(/^bytes=[1-9]\d+-$/)])
  })

  it('asks nothing for a file that it has', async () => {
    await open()
    files.requests.length = 0
    expect(await fetched()).toEqual(whole)
    expect(files.requests).toEqual([])
  })

  it('keeps a model folder by its path, whole or not at all', async () => {
    const result = await page.evaluate(async () => {
      const tensors = weights.tensorsInMemory({ w: { dtype: 'F16', shape: [2], data: Float32Array.of(1, 2) } })
      await weights.writeModelFolder('opfs:models/tiny', { config: { model_type: 'x' }, weights: tensors })
      const failing = { plans: tensors.plans, produce: () => Promise.reject(new Error('no data')) }
      const failure = await weights
        .writeModelFolder('opfs:models/tiny', { config: {}, weights: failing })
        .catch((error: Error) => error.message)
      const model = await weights.openModelFolder('opfs:models/tiny')
      const missing = await weights.openModelFolder('opfs:models/none').catch((error: Error) => error.message)
      return { failure, missing, config: model.config, values: [...(await model.weights.read('w'))] }
    })
    expect(result).toEqual({
      failure: 'no data',
      missing: 'opfs:models/none: config.json is missing: not a model folder',
      config: {},
      values: [1, 2],
    })
  })

  it('resolves an address without a host against the page', async () => {
    const served = await page.evaluate(async () => {
      const open = (address: string) => weights.openModelFolder(address, { cache: false }).then(({ config }) => config)
      const failure = (address: string) => open(address).catch(({ message }: Error) => message)
      return {
        absolute: await open('/fixtures/llama-helium1-bf16-sharded'),
        relative: await open('fixtures/llama-helium1-bf16-sharded/'),
        none: await failure('/nowhere'),
        write: await weights
          .writeModelFolder('models/x', { config: {}, weights: { plans: [], produce: () => new Uint8Array(0) } })
          .catch(({ message }: Error) => message),
      }
    })
    expect(served.absolute).toMatchObject({ model_type: 'llama' })
    expect(served.relative).toEqual(served.absolute)
    expect(served.none).toMatch(/^http:.*\/nowhere: config.json is missing/)
    expect(served.write).toContain('expected "opfs:.."')
  })
})
