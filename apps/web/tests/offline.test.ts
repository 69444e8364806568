/** The built demo on a host that sends no headers: isolated by its service worker, and at work when the host is gone. */
import { fileURLToPath } from 'node:url'
import { chromium, type Browser } from 'playwright-core'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findBrowser } from '../../../scripts/browser.mjs'
import { serveFolder, type StaticServer } from './static-server.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const site = `${root}/.cache/offline-site`
const patienceMs = 120_000

describe.skipIf(!findBrowser())('the demo on a plain static host', { timeout: 3 * patienceMs }, () => {
  let server: StaticServer
  let browser: Browser

  beforeAll(async () => {
    await build({ configFile: `${root}/vite.config.ts`, logLevel: 'error', build: { outDir: site, emptyOutDir: true } })
    server = await serveFolder(site)
    browser = await chromium.launch({
      executablePath: findBrowser()!,
      args: ['--no-sandbox', '--disable-quic', '--disable-background-networking'],
    })
  }, 3 * patienceMs)
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  it('is isolated without headers, and answers when the host is gone', async () => {
    const page = await browser.newPage()
    page.setDefaultTimeout(patienceMs)
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    await page.goto(server.address)
    await page.locator('.model-bar b').waitFor()
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
    await page.getByRole('tab', { name: 'Models' }).click()
    expect(await page.locator('.models table').textContent()).toMatch(/\d+ threads?: \d+ logical processors/)

    await server.close()
    await page.context().setOffline(true)
    await page.reload()
    await page.locator('.model-bar b').waitFor()
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
    await page.getByRole('tab', { name: 'Ask' }).click()
    await page.getByRole('button', { name: 'a sign', exact: true }).click()
    await expect.poll(() => page.locator('#question').inputValue(), { timeout: patienceMs }).toBe('What does it say?')
    await page.getByRole('button', { name: 'Ask', exact: true }).click()
    await page.locator('.answer.done').waitFor()
    expect(await page.locator('.answer p').first().textContent()).toBe('camel')
    expect(errors).toEqual([])
  })
})
