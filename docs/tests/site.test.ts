/** The built site in Chromium: every page, its live elements, and every example that runs in the page. */
import { fileURLToPath } from 'node:url'
import { chromium, type Browser, type Page } from 'playwright-core'
import type { PreviewServer } from 'vite'
import { build } from 'vitepress'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findBrowser } from '../../scripts/browser.mjs'
import { previewSite } from '../scripts/preview-site.mjs'

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
    server = await previewSite()
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

  it('has every page of its sidebar, none wider than a phone, and every example prints what it says', async () => {
    expect(pages.length).toBeGreaterThan(30)
    let examples = 0
    await page.setViewportSize({ width: 390, height: 800 })
    for (const path of pages) {
      await open(path)
      expect((await page.locator('main h1').first().textContent())!.length, path).toBeGreaterThan(3)
      const width = await page.evaluate(() => document.documentElement.scrollWidth)
      expect(width, `${path} on a phone`).toBeLessThanOrEqual(390)
      for (const example of await page.locator('.live-example').all()) {
        examples++
        const code = await example.locator('code').first().innerText()
        const expected = [...code.matchAll(/console\.log\(.*\) \/\/ (.+)$/gm)].map((match) => match[1]!.trim())
        await example.getByRole('button', { name: 'Run' }).click()
        const output = async () => (await example.locator('.output').innerText()).split('\n').filter((line) => line !== '')
        await expect.poll(output, { timeout: 60_000, message: `${path}: ${code.slice(0, 60)}` }).toEqual(expected)
      }
    }
    expect(examples).toBeGreaterThan(14)
    await page.setViewportSize({ width: 1280, height: 900 })
  }, 400_000)

  it('the first page asks the model about a picture', async () => {
    await open('/')
    await page.locator('.home-ask').getByRole('button', { name: 'Ask' }).click()
    const answer = page.locator('.home-ask output')
    await expect.poll(() => answer.textContent(), { timeout: 120_000 }).toBe('camel')
    await expect.poll(() => page.locator('.home-ask .note').textContent()).toContain('tokens per second')
    expect(await page.locator('.VPFeatures .details').allTextContents()).toEqual([
      expect.stringMatching(/text\.$/),
      expect.stringMatching(/backward\.$/),
      expect.stringMatching(/without\.$/),
    ])
  }, 180_000)

  it('an example can be edited on a phone, says in words what is wrong, and can be stopped', async () => {
    await page.setViewportSize({ width: 390, height: 800 })
    await open('/concepts')
    const example = page.locator('.live-example').first()
    const output = () => example.locator('.output').textContent({ timeout: 30_000 })
    await example.getByRole('button', { name: 'Edit' }).click()
    const run = async (code: string) => {
      await example.locator('textarea').fill(code)
      await example.getByRole('button', { name: 'Run' }).click()
    }
    await run('console.log([1, 2].map((x: number) => x / 3))')
    await expect.poll(output, { timeout: 30_000 }).toContain('[0.333333, 0.666667]')
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
    await run('const a: number = ;')
    await expect.poll(output, { timeout: 30_000 }).toContain('SyntaxError: Unexpected token (1:19)')
    await run("import { tally } from 'elsewhere'\ntally()")
    await expect.poll(output, { timeout: 30_000 }).toContain('examples cannot import elsewhere in a page')
    await run("console.log('started')\nwhile (true) {}")
    await expect.poll(output, { timeout: 30_000 }).toContain('started')
    await example.getByRole('button', { name: 'Stop' }).click()
    await expect.poll(output, { timeout: 30_000 }).toContain('Stopped.')
    await example.getByRole('button', { name: 'Run' }).waitFor()
    await page.setViewportSize({ width: 1280, height: 900 })
  }, 180_000)

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
    const input = page.locator('casa-windows input.layout')
    await input.fill('[1] a | b')
    expect(await rows()).toEqual(['11·', '··1'])
    await page.getByLabel('Token insertion').check()
    await input.fill('[1] a [2] b')
    expect(await rows()).toEqual(['11000', '11111'])
    await page.getByLabel('CASA', { exact: true }).check()
    expect(await rows()).toEqual(['11···', '··111'])
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

  it('draws the benchmarks of the machine and the case that are chosen', async () => {
    await open('/benchmarks')
    const names = () => page.locator('.benchmarks li').evaluateAll((all) => all.map((item) => item.textContent))
    const [machine, kind] = await page.locator('.benchmarks select').all()
    expect(await machine!.locator('option').count()).toBeGreaterThan(1)
    await kind!.selectOption('vector')
    const first = await names()
    expect(first.some((name) => name!.startsWith('casa-js'))).toBe(true)
    await machine!.selectOption({ index: 1 })
    await expect.poll(names, { timeout: 30_000 }).not.toEqual(first)
  })

  it('has llms.txt, whose links lead to Markdown', async () => {
    const read = async (path: string) => (await page.request.get(new URL(path, server.resolvedUrls!.local[0]).href)).text()
    const index = await read('/llms.txt')
    const links = [...index.matchAll(/^- \[.+?\]\((\/\S+\.md)\): \S/gm)].map((match) => match[1]!)
    expect(links.length).toBe(pages.length)
    for (const link of links) expect(await read(link), link).toMatch(/^# /m)
    const whole = await read('/llms-full.txt')
    expect(whole).toContain('# Troubleshooting')
    expect(whole).toContain('# casa-reader')
    expect(whole).not.toContain('<casa-windows')
  })

  it('logs no error', () => expect(errors).toEqual([]))

  it('an address that is not there leads to the first page', async () => {
    const response = await open('/nowhere')
    expect(response!.status()).toBe(404)
    await page.getByRole('link', { name: 'go to the first page' }).click()
    await page.locator('.home-ask').waitFor()
  })
})
