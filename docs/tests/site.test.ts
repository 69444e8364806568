/** The built site in Chromium: every page, its live elements, and every example that runs in the page. */
import { fileURLToPath } from 'node:url'
import { chromium, type Browser, type Page } from 'playwright-core'
import { preview, type PreviewServer } from 'vite'
import { build } from 'vitepress'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findBrowser } from '../../scripts/browser.mjs'

const docs = fileURLToPath(new URL('..', import.meta.url))

describe.skipIf(!findBrowser())('the docs site in Chromium', () => {
  let server: PreviewServer
  let browser: Browser
  let page: Page
  let pages: string[]
  const errors: string[] = []
  const open = (path: string) => page.goto(new URL(path, server.resolvedUrls!.local[0]).href)

  beforeAll(async () => {
    // Fails on a dead link.
    await build(docs)
    server = await preview({
      root: docs,
      configFile: false,
      appType: 'mpa',
      logLevel: 'error',
      build: { outDir: '.cache/site' },
      preview: { port: 0, open: false },
    })
    browser = await chromium.launch({
      executablePath: findBrowser()!,
      args: ['--no-sandbox', '--disable-quic', '--disable-background-networking'],
    })
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    page.setDefaultTimeout(120_000)
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
    await open('/start')
    const links = await page.locator('.VPSidebar a').evaluateAll((all) => all.map((link) => link.getAttribute('href')!))
    pages = links.filter((link) => !link.startsWith('/api/'))
  }, 600_000)
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  it('has every page of its sidebar, none wider than a phone', async () => {
    expect(pages.length).toBeGreaterThan(12)
    for (const path of pages) {
      await open(path)
      expect((await page.locator('main h1').first().textContent())!.length, path).toBeGreaterThan(3)
    }
    await page.setViewportSize({ width: 390, height: 800 })
    for (const path of pages) {
      await open(path)
      const width = await page.evaluate(() => document.documentElement.scrollWidth)
      expect(width, `${path} on a phone`).toBeLessThanOrEqual(390)
    }
    await page.setViewportSize({ width: 1280, height: 900 })
  }, 360_000)

  it('draws the windows of what the reader types', async () => {
    await open('/concepts')
    const rows = () =>
      page
        .locator('.mask tbody tr')
        .evaluateAll((all) =>
          all.map((row) => [...row.querySelectorAll('td:not(.gap)')].map((cell) => cell.textContent).join('')),
        )
    await page.locator('.mask').waitFor()
    expect(await rows()).toEqual(['10·······', '11·······', '··11100··', '··11110··', '··11111··', '·······11'])
    const input = page.locator('casa-windows input')
    await input.fill('[1] a | b')
    expect(await rows()).toEqual(['11·', '··1'])
    await input.fill('[none]')
    expect(await page.locator('casa-windows .wrong').textContent()).toContain('[none]: expected a word')
  })

  it.each(['cpu', 'wasm'])('takes a gradient on %s that equals finite differences', async (device) => {
    await open('/webgpu')
    await page.locator('casa-gradient select').selectOption(device)
    await page.locator('casa-gradient button').click()
    await page.locator('casa-gradient table').waitFor()
    expect(await page.locator('casa-gradient p').textContent()).toContain(`On ${device}`)
    const cells = await page
      .locator('casa-gradient tbody tr')
      .evaluateAll((rows) => rows.map((row) => [...row.querySelectorAll('td')].map((cell) => Number(cell.textContent))))
    expect(cells).toHaveLength(6)
    expect(Math.max(...cells.map(([, tape]) => Math.abs(tape!)))).toBeGreaterThan(0.1)
    for (const [, tape, difference] of cells) expect(Math.abs(tape! - difference!)).toBeLessThan(1e-3)
    expect(await page.locator('casa-device').textContent()).toMatch(/^(webgpu|wasm|cpu): /)
  })

  it('every example that runs in the page prints what it says, and can be edited', async () => {
    let count = 0
    for (const path of pages) {
      await open(path)
      const examples = page.locator('.live-example')
      for (const example of await examples.all()) {
        count++
        const code = await example.locator('code').first().innerText()
        const expected = [...code.matchAll(/console\.log\(.*\) \/\/ (.+)$/gm)].map((match) => match[1]!.trim())
        await example.getByRole('button', { name: 'Run' }).click()
        const output = async () => (await example.locator('.output').innerText()).split('\n').filter((line) => line !== '')
        await expect.poll(output, { timeout: 120_000, message: `${path}: ${code.slice(0, 60)}` }).toEqual(expected)
      }
    }
    expect(count).toBeGreaterThan(3)
    await open('/concepts')
    const example = page.locator('.live-example').first()
    await example.getByRole('button', { name: 'Edit' }).click()
    await example.locator('textarea').fill('console.log([1, 2].map((x: number) => x / 3))')
    await example.getByRole('button', { name: 'Run' }).click()
    await expect.poll(() => example.locator('.output').textContent()).toContain('[0.333333, 0.666667]')
  }, 600_000)

  it('logs no error', () => expect(errors).toEqual([]))
})
