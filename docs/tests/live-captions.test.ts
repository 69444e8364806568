/** The page of examples/live-captions in Chromium, with Chromium's test pattern as its camera, and a server. */
import { serve, type RunningServer } from '@casa-js/serve'
import { close, init } from '@casa-js/tensor'
import { loadVlm, type Vlm } from '@casa-js/vlm'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findBrowser } from '../../scripts/browser.mjs'

describe.skipIf(!findBrowser())('live captions in Chromium', () => {
  let vlm: Vlm
  let server: RunningServer
  let files: Server
  let browser: Browser
  beforeAll(async () => {
    await init({ device: 'wasm' })
    vlm = await loadVlm(fileURLToPath(new URL('../../recipes/live/model', import.meta.url)))
    server = await serve(vlm, { port: 0, modelId: 'live' })
    const page = readFileSync(new URL('../../examples/live-captions/index.html', import.meta.url))
    files = createServer((_, response) => response.setHeader('content-type', 'text/html').end(page))
    await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve))
    browser = await chromium.launch({
      executablePath: findBrowser()!,
      args: ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
    })
  })
  afterAll(async () => {
    await browser?.close()
    files?.close()
    await server?.close(0)
    vlm?.dispose()
    await close()
  })

  it('shows what the model says of the camera, and why it ended', async () => {
    const page = await browser.newPage()
    const address = `${server.url.replace('http', 'ws')}/v1/captions`
    await page.goto(`http://127.0.0.1:${(files.address() as AddressInfo).port}/?server=${encodeURIComponent(address)}`)
    await page.getByRole('button', { name: 'Start' }).click()
    const caption = async () => (await page.locator('#caption').textContent())!.trim()
    await expect.poll(caption, { timeout: 60_000 }).not.toBe('')
    await expect.poll(() => page.locator('output').textContent(), { timeout: 60_000 }).toMatch(/^frame [1-9]\d*, \d+ dropped$/)
    await server.close(0)
    await expect.poll(() => page.locator('output').textContent(), { timeout: 60_000 }).toMatch(/^closed: the server is closing$/)
  })
})
