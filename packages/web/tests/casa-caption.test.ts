/** `<casa-caption>` on a plain page, from the folder that is published for pages without a build step. */
import { createReadStream, existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser } from 'playwright-core'
import { build, preview, type Plugin, type PreviewServer } from 'vite'
import type {} from '@casa-js/web/casa-caption'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findBrowser } from '../../../scripts/browser.mjs'
import { importedBy, standaloneSizes } from '../../../scripts/size.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const live = fileURLToPath(new URL('../../../recipes/live', import.meta.url))
const outDir = `${root}/.cache/standalone`

const plainPage = `<!doctype html>
<script type="module" src="/casa-caption.js"></script>
<casa-caption model="/model/" device="wasm" frames-per-second="2">
  <video src="/samples/live.mp4" muted loop width="320"></video>
</casa-caption>`

const served: Plugin = {
  name: 'served',
  configurePreviewServer(server) {
    server.middlewares.use((request, response, next) => {
      const path = request.url?.split('?')[0] ?? ''
      if (path === '/') return void response.setHeader('Content-Type', 'text/html').end(plainPage)
      if (!/^\/(model|samples)\/[\w.-]+$/.test(path)) return next()
      if (!existsSync(live + path)) return void response.writeHead(404).end()
      if (path.endsWith('.mp4')) response.setHeader('Content-Type', 'video/mp4')
      createReadStream(live + path).pipe(response)
    })
  },
}

describe.skipIf(!findBrowser())('<casa-caption> in Chromium', { timeout: 360_000 }, () => {
  let server: PreviewServer
  let browser: Browser

  beforeAll(async () => {
    const configFile = `${root}/vite.standalone.config.ts`
    await build({ configFile, build: { outDir, emptyOutDir: true } })
    server = await preview({ configFile, plugins: [served], build: { outDir }, preview: { port: 0, open: false } })
    browser = await chromium.launch({
      executablePath: findBrowser()!,
      args: ['--no-sandbox', '--disable-quic', '--disable-background-networking', '--autoplay-policy=no-user-gesture-required'],
    })
  }, 360_000)
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  it('captions the video inside it once it plays, and ends its worker when it goes', async () => {
    const page = await browser.newPage()
    page.setDefaultTimeout(120_000)
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    await page.goto(server.resolvedUrls!.local[0]!)
    await page.waitForFunction(() => customElements.get('casa-caption'))
    const ready = page.evaluate(
      () =>
        new Promise<string>((resolve, reject) => {
          const element = document.querySelector('casa-caption')!
          element.addEventListener('ready', (event) => resolve((event as CustomEvent<{ fusion: string }>).detail.fusion))
          element.addEventListener('error', (event: Event) => reject((event as CustomEvent<Error>).detail))
          void document.querySelector('video')!.play()
        }),
    )
    expect(await ready).toBe('casa')
    const text = () => page.evaluate(() => document.querySelector('casa-caption')!.text)
    await expect.poll(text, { timeout: 120_000 }).toMatch(/\w+ \w+/)
    expect(page.workers()).toHaveLength(1)
    await page.evaluate(() => document.querySelector('casa-caption')!.remove())
    await expect.poll(() => page.workers().length, { timeout: 120_000 }).toBe(0)
    expect(errors).toEqual([])
  })

  it('keeps to its size: what a page loads at once, and what its worker loads', () => {
    const sizes = standaloneSizes(outDir)
    const total = (some: typeof sizes) => some.reduce((sum, { gzipBytes }) => sum + gzipBytes, 0)
    const inPage = sizes.filter(({ file }) => !file.startsWith('assets/') && file !== 'worker.js')
    expect(inPage.map(({ file }) => file)).toEqual(expect.arrayContaining(['casa-caption.js', 'casa-web.js']))
    expect(total(inPage)).toBeLessThan(7_000)
    const worker = importedBy(outDir, 'worker.js')
    expect(total(sizes.filter(({ file }) => worker.includes(file)))).toBeLessThan(246_000)
    expect(total(sizes)).toBeLessThan(745_000)
  })

  it('says what went wrong', async () => {
    const page = await browser.newPage()
    page.setDefaultTimeout(120_000)
    await page.goto(server.resolvedUrls!.local[0]!)
    await page.waitForFunction(() => customElements.get('casa-caption'))
    const name = await page.evaluate(
      () =>
        new Promise<string>((resolve) => {
          const element = document.querySelector('casa-caption')!
          element.setAttribute('model', '/nowhere/')
          element.addEventListener('error', (event: Event) => resolve((event as CustomEvent<Error>).detail.name))
          void document.querySelector('video')!.play()
        }),
    )
    expect(name).toBe('WeightError')
  })
})

it('can be imported where there is no document, by a server that renders pages', async () => {
  expect(await import('@casa-js/web/casa-caption')).toHaveProperty('CasaCaptionElement')
})
