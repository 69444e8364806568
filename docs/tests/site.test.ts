import { chromium, type Browser, type Page } from 'playwright-core'
import { fileURLToPath } from 'node:url'
import { build, preview, type PreviewServer } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findBrowser } from '../../scripts/browser.mjs'

const configFile = fileURLToPath(new URL('../vite.config.ts', import.meta.url))
const outDir = '.cache/site'

describe.skipIf(!findBrowser())('the docs site in Chromium', () => {
  let server: PreviewServer
  let browser: Browser
  let page: Page
  const errors: string[] = []
  const open = (name: string) => page.goto(`${server.resolvedUrls!.local[0]}#/${name}`)

  beforeAll(async () => {
    await build({ configFile, logLevel: 'error', build: { outDir, emptyOutDir: true } })
    server = await preview({ configFile, logLevel: 'error', build: { outDir }, preview: { port: 0, open: false } })
    browser = await chromium.launch({
      executablePath: findBrowser()!,
      args: ['--no-sandbox', '--disable-quic', '--disable-background-networking'],
    })
    page = await browser.newPage()
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
  }, 240_000)
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  it('has every page, and links between them', async () => {
    await open('start')
    const names = await page.locator('nav a').evaluateAll((links) => links.map((link) => link.getAttribute('href')!))
    expect(names).toHaveLength(9)
    for (const name of names) {
      await page.locator(`nav a[href="${name}"]`).click()
      await expect.poll(() => page.locator('nav a[aria-current]').getAttribute('href')).toBe(name)
      expect((await page.locator('main h1').first().textContent())!.length).toBeGreaterThan(3)
    }
    await open('start')
    await page.locator('main a', { hasText: 'Concepts' }).click()
    await expect.poll(() => page.locator('main h1').textContent()).toBe('Concepts')
  })

  it('draws the windows of what the reader types', async () => {
    await open('concepts')
    const rows = () =>
      page
        .locator('.mask tbody tr')
        .evaluateAll((all) =>
          all.map((row) => [...row.querySelectorAll('td:not(.gap)')].map((cell) => cell.textContent).join('')),
        )
    expect(await rows()).toEqual(['10·······', '11·······', '··11100··', '··11110··', '··11111··', '·······11'])
    const input = page.locator('casa-windows input')
    await input.fill('[1] a | b')
    expect(await rows()).toEqual(['11·', '··1'])
    await input.fill('[none]')
    expect(await page.locator('casa-windows .wrong').textContent()).toContain('[none]: expected a word')
  })

  it.each(['cpu', 'wasm'])('takes a gradient on %s that equals finite differences', async (device) => {
    await open('webgpu')
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

  it('logs no error', () => expect(errors).toEqual([]))
})
