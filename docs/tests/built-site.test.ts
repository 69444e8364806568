/**
 * The command that builds everything: pages, the API from the sources, the demo under /demo. Slow, so it runs only when asked for:
 *
 *   CASA_SITE=1 npx vitest run --project node docs/tests/built-site.test.ts
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { chromium, type Browser } from 'playwright-core'
import type { PreviewServer } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findBrowser } from '../../scripts/browser.mjs'
import { previewSite } from '../scripts/preview-site.mjs'

const docs = fileURLToPath(new URL('..', import.meta.url))

describe.skipIf(!process.env.CASA_SITE || !findBrowser())('the site as it is published', () => {
  let server: PreviewServer
  let browser: Browser
  const at = (path: string) => new URL(path, server.resolvedUrls!.local[0]).href

  beforeAll(async () => {
    await promisify(execFile)(process.execPath, [`${docs}/scripts/build-site.mjs`], { maxBuffer: 1 << 26 })
    server = await previewSite()
    browser = await chromium.launch({ executablePath: findBrowser()!, args: ['--no-sandbox'] })
  }, 1_200_000)
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  it('has the guide, the API of every package, and search', async () => {
    const page = await browser.newPage()
    await page.goto(at('/start'))
    const api = await page.locator('.VPSidebar a[href^="/api/"]').evaluateAll((all) => all.map((a) => a.getAttribute('href')!))
    expect(api.length).toBeGreaterThan(15)
    await page.goto(at(api.find((link) => link.includes('vlm'))!))
    await expect.poll(() => page.locator('main').textContent(), { timeout: 30_000 }).toContain('captionVideo')
    await page.keyboard.press('Control+k')
    await page.locator('#localsearch-input').fill('compressed weights')
    await expect.poll(() => page.locator('.VPLocalSearchBox .result').count(), { timeout: 30_000 }).toBeGreaterThan(0)
    await page.close()
  })

  it('has the demo under /demo, which answers about a sample picture', async () => {
    const page = await browser.newPage()
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    const response = await page.goto(at('/demo/'))
    expect(response!.status()).toBe(200)
    await expect.poll(() => page.title(), { timeout: 30_000 }).toMatch(/casa/i)
    expect((await page.request.get(at('/demo/models/reader/config.json'))).status()).toBe(200)
    await expect.poll(() => page.locator('button').count(), { timeout: 30_000 }).toBeGreaterThan(1)
    expect(errors).toEqual([])
    await page.close()
  })
})
