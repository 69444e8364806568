/**
 * The built demo in Chromium: asked, edited, the camera captioned, a model loaded from files; keyboard, phone, accessibility. On WebGPU one
 * question is asked through the page; CASA_DEMO_WEBGPU=all captions and verifies there too, a minute on SwiftShader:
 *
 *     CASA_DEMO_WEBGPU=all npx vitest run --project node apps/web/tests/demo.test.ts -t WebGPU
 */
import { AxeBuilder } from '@axe-core/playwright'
import { unzipSync } from 'fflate'
import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { chromium, type Browser, type BrowserContext, type Locator, type Page } from 'playwright-core'
import { build, preview, type PreviewServer } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readerAdapter } from '../../../packages/web/tests/reader-adapter.node.ts'
import { findBrowser } from '../../../scripts/browser.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const configFile = `${root}/vite.config.ts`
const repository = fileURLToPath(new URL('../../..', import.meta.url))
const cli = `${repository}/apps/cli`
const model = `${cli}/model`
/** Set to a folder to keep screenshots of every tab, for the documents. */
const screenshots = process.env.CASA_SCREENSHOTS
/** Tests wait for what they see; this ends a test that never sees it. */
const patienceMs = 120_000
const limitMs = 3 * patienceMs

const browserFlags = [
  '--no-sandbox',
  '--disable-quic',
  '--disable-background-networking',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
]
/** As the operators' tests start it (packages/tensor): on the processor where there is no GPU. */
const webgpuFlags = [
  '--headless=new',
  '--enable-unsafe-webgpu',
  '--enable-features=Vulkan,WebGPU',
  '--use-webgpu-adapter=swiftshader',
  '--enable-dawn-features=disable_workgroup_init',
]
const hasWebgpu = process.env.CASA_DEVICES?.includes('webgpu') ?? true
const testsAllOfWebgpu = process.env.CASA_DEMO_WEBGPU === 'all'

declare global {
  var workers: Worker[]
}

describe.skipIf(!findBrowser())('the demo in Chromium', { timeout: limitMs }, () => {
  let server: PreviewServer
  let browser: Browser
  let context: BrowserContext
  let page: Page
  const errors: string[] = []
  const address = () => server.resolvedUrls!.local[0]!

  /** @param at is scrolled to, where the picture is about a part of the page */
  const picture = async (name: string, at?: Locator) => {
    if (!screenshots) return
    mkdirSync(screenshots, { recursive: true })
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 860 })
      await at?.evaluate((element) => element.scrollIntoView({ block: 'start' }))
      await page.waitForTimeout(150)
      await page.screenshot({ path: `${screenshots}/demo-${name}-${width}.png` })
    }
    await page.setViewportSize({ width: 1280, height: 860 })
  }
  const ready = () => page.locator('.model-bar b').waitFor()
  const modelTitle = () => page.locator('.model-bar b').textContent()
  /** Waits for as long as a slow machine needs. */
  const eventually: typeof expect.poll = (seen, options) => expect.poll(seen, { timeout: patienceMs, ...options })
  const violations = async () =>
    (await new AxeBuilder({ page }).analyze()).violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)

  beforeAll(async () => {
    await build({ configFile, logLevel: 'error', build: { outDir: '.cache/site', emptyOutDir: true } })
    server = await preview({ configFile, logLevel: 'error', build: { outDir: '.cache/site' }, preview: { port: 0, open: false } })
    browser = await chromium.launch({ executablePath: findBrowser()!, args: browserFlags })
    context = await browser.newContext({
      viewport: { width: 1280, height: 860 },
      permissions: ['camera', 'clipboard-read', 'clipboard-write'],
    })
    // The workers that the page starts, so that one can be ended.
    await context.addInitScript(() => {
      globalThis.workers = []
      globalThis.Worker = class extends Worker {
        constructor(...given: ConstructorParameters<typeof Worker>) {
          super(...given)
          workers.push(this)
        }
      }
    })
    page = await context.newPage()
    page.setDefaultTimeout(patienceMs)
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
    await page.goto(address())
    await ready()
  }, limitMs)
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  it('is isolated, and runs on WebAssembly where there is no GPU', async () => {
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
    expect(await page.locator('.model-bar').textContent()).toMatch(/Reader on (wasm|webgpu)/)
    expect(await violations()).toEqual([])
    await picture('welcome')
  })

  it('answers about a sample, goes on, and can be edited from the first question', async () => {
    await page.getByRole('button', { name: 'a sign', exact: true }).click()
    await eventually(() => page.getByRole('textbox', { name: 'Question' }).inputValue()).toBe('What does it say?')
    await page.getByRole('textbox', { name: 'Question' }).press('Enter')
    await page.locator('.answer.done').waitFor()
    expect(await page.locator('.answer p').first().textContent()).toBe('camel')
    expect(await page.locator('.stats').textContent()).toMatch(/\d+ tokens, first after .* tokens\/s/)
    await page.locator('.looked summary').click()
    expect(await page.locator('.looked .piece').allTextContents()).toEqual(expect.arrayContaining(['c']))
    expect(await page.locator('.shares tr').count()).toBe(4)
    await page.locator('.looked .piece').nth(1).click()
    await eventually(() => page.locator('.looked .piece').nth(1).getAttribute('aria-pressed')).toBe('true')
    expect(await violations()).toEqual([])
    await picture('ask')
    await page.locator('.composer input[type=file]').setInputFiles(`${cli}/samples/second.png`)
    await page.getByRole('textbox', { name: 'Question' }).fill('What does it say?')
    await page.getByRole('button', { name: 'Ask', exact: true }).click()
    await eventually(() => page.locator('.answer.done').count()).toBe(2)
    await page.getByRole('button', { name: 'Edit' }).first().click()
    await eventually(() => page.locator('.exchange').count()).toBe(0)
    await eventually(() => page.locator('.tray img').count()).toBe(1)
    await page.getByRole('button', { name: 'Ask', exact: true }).click()
    await page.locator('.answer.done').waitFor()
    expect(await page.locator('.answer p').first().textContent()).toBe('camel')
  })

  it('takes a dropped picture, and shows where it may be dropped', async () => {
    const dataTransfer = await page.evaluateHandle(() => {
      const transfer = new DataTransfer()
      transfer.items.add(new File(['a picture'], 'dropped.png', { type: 'image/png' }))
      return transfer
    })
    await page.locator('.ask').dispatchEvent('dragover', { dataTransfer })
    await page.locator('.ask.dragging').waitFor()
    await page.locator('.ask').dispatchEvent('drop', { dataTransfer })
    await page.getByRole('button', { name: 'Remove dropped.png' }).click()
    expect(await page.locator('.dragging').count()).toBe(0)
  })

  it('takes a snapshot from the camera, and says what is wrong with a file that is no picture', async () => {
    await page.getByRole('button', { name: 'Camera' }).first().click()
    await page.locator('.tray img').waitFor()
    await page.getByRole('button', { name: 'Remove snapshot' }).click()
    await page
      .locator('.composer input[type=file]')
      .setInputFiles({ name: 'torn.png', mimeType: 'image/png', buffer: Buffer.from('no picture') })
    await page.getByRole('textbox', { name: 'Question' }).fill('What is this?')
    await page.getByRole('button', { name: 'Ask', exact: true }).click()
    await page.locator('.answer.failed').waitFor()
    expect(await page.locator('.answer.failed .error').textContent()).toContain('torn.png')
  })

  it('captions the camera, with plots and a history that can be saved', async () => {
    await page.getByRole('tab', { name: 'Live' }).click()
    expect(await violations()).toEqual([])
    await page.locator('.live').getByRole('button', { name: 'Camera' }).click()
    await page.locator('.settings summary').click()
    await page.getByLabel('Tokens per frame').fill('4')
    await page.getByLabel('Tokens per frame').press('Tab')
    await page.getByRole('button', { name: 'Caption' }).click()
    await eventually(() => page.locator('.plots .hint').textContent()).toMatch(/^([3-9]|\d\d+) frames seen/)
    expect(await page.locator('.lines').count()).toBe(2)
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('button', { name: 'Go on' }).waitFor()
    const at = () => page.evaluate(() => document.querySelector('video')!.currentTime)
    const pausedAt = await at()
    await page.waitForTimeout(500)
    expect(await at()).toBe(pausedAt)
    expect(await violations()).toEqual([])
    await picture('live')
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.getByRole('button', { name: 'Caption' }).waitFor()
  })

  it('loads a model from files of this machine, and tells what it is', async () => {
    await page.getByRole('tab', { name: 'Models' }).click()
    await page.locator('.own input[type=file]').setInputFiles(model)
    await ready()
    await page.locator('.models table').waitFor()
    expect(await page.locator('.models table').textContent()).toContain('Fusioncasa')
    expect(await violations()).toEqual([])
    await picture('models')
    await page.getByRole('button', { name: 'Copy a report' }).click()
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('Vision encoder: casa_vit')
    await page.getByLabel('Address of a model folder').fill('/nowhere/')
    await page.locator('.own').getByRole('button', { name: 'Load' }).click()
    await page.locator('.models .error').waitFor()
    expect(await page.locator('.models .error').textContent()).toContain('nowhere')
  })

  it('verifies its device, shows what is beyond its limit, and puts it into the report', async () => {
    await page.getByRole('tab', { name: 'Models' }).click()
    await page.getByRole('listitem').filter({ hasText: 'Reader' }).getByRole('button', { name: 'Load' }).click()
    await eventually(modelTitle).toBe('Reader')
    const rows = () => page.locator('.checks tbody tr')
    // One that never comes ends with Stop.
    await page.route('**/goldens/casa/ca-shared/case.json', () => {})
    await page.getByRole('button', { name: /^Verify / }).click()
    await page.getByRole('progressbar', { name: 'Verifying' }).waitFor()
    await page.locator('.models').getByRole('button', { name: 'Stop' }).click()
    await page.getByRole('button', { name: /^Verify / }).waitFor()
    await page.unroute('**/goldens/casa/ca-shared/case.json')
    // A golden that is not there is a check that failed, with the reason.
    await page.route('**/goldens/train/curve.json', (route) => route.fulfill({ status: 404 }))
    await page.getByRole('button', { name: /^Verify / }).click()
    await page.getByText('1 of 50 checks are beyond their limits').waitFor()
    expect(await rows().count()).toBe(4)
    expect(await rows().last().textContent()).toMatch(/^train failed.*curve.json: the server answered 404does not compare.*no$/)
    await page.unroute('**/goldens/train/curve.json')
    await page.getByRole('button', { name: /^Verify / }).click()
    await page.getByText('All 72 checks are within their limits').waitFor()
    expect(await rows().count()).toBe(4)
    await page.getByRole('button', { name: 'All 72 checks' }).click()
    expect(await rows().count()).toBe(72)
    expect(await violations()).toEqual([])
    await page.setViewportSize({ width: 390, height: 800 })
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
    await page.setViewportSize({ width: 1280, height: 860 })
    await page.getByRole('button', { name: 'Only the worst of each' }).click()
    await picture('verify', page.locator('#verify'))
    await page.getByRole('button', { name: 'Copy a report' }).click()
    await page.getByRole('button', { name: 'Copied' }).waitFor()
    const report = await page.evaluate(() => navigator.clipboard.readText())
    for (const line of [
      /^casa-js: \d/,
      /^browser: Mozilla/m,
      /^Threads: \d/m,
      /^verify: 72 of 72 checks/m,
      /^ {2}ok {3}goldens\/train /m,
    ])
      expect(report).toMatch(line)
  })

  it('loads an adapter when it is given its base, and starts again after a crash', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'casa-adapter-'))
    for (const [name, bytes] of await readerAdapter()) await writeFile(join(folder, name), bytes)
    await page.getByRole('tab', { name: 'Models' }).click()
    await page.locator('.own input[type=file]').setInputFiles(folder)
    await page.locator('.models .error', { hasText: 'this folder is an adapter for a reader' }).waitFor()
    await page.locator('.base input[type=file]').setInputFiles(`${repository}/recipes/live/model`)
    await page.getByText('Base: model').waitFor()
    expect(await violations()).toEqual([])
    await page.getByRole('button', { name: /^Load casa-adapter-\S+ with it$/ }).click()
    await page.locator('.models .error', { hasText: 'is not the model that the adapter' }).waitFor()
    await page.locator('.base').getByRole('button', { name: 'Another' }).click()
    await page.locator('.base input[type=file]').setInputFiles(model)
    await page.getByRole('button', { name: /^Load casa-adapter-\S+ with it$/ }).click()
    await eventually(modelTitle).toBe(basename(folder))

    await page.getByRole('tab', { name: 'Ask' }).click()
    const anew = page.getByRole('button', { name: 'New conversation' })
    if ((await anew.count()) > 0) await anew.first().click()
    const ask = async () => {
      await page.getByRole('button', { name: 'a sign', exact: true }).click()
      await eventually(() => page.getByRole('textbox', { name: 'Question' }).inputValue()).toBe('What does it say?')
      await page.getByRole('button', { name: 'Ask', exact: true }).click()
    }
    await ask()
    await page.locator('.answer.done').waitFor()
    await page.evaluate(() => workers.at(-1)!.dispatchEvent(new ErrorEvent('error', { message: 'out of luck' })))
    await page.getByRole('textbox', { name: 'Question' }).fill('What does it say?')
    await page.getByRole('textbox', { name: 'Question' }).press('Enter')
    await page.getByRole('button', { name: 'Start the model again' }).click()
    await eventually(modelTitle).toBe(basename(folder))
    await page.getByRole('button', { name: 'Try again' }).last().click()
    await eventually(() => page.locator('.answer.done').count()).toBe(2)
    expect(await page.locator('.answer.failed').count()).toBe(0)
    expect(await page.locator('.answer p').first().textContent()).toBe('camel')
    await rm(folder, { recursive: true })
  })

  it('captions a sample video with the model that was trained for it', async () => {
    await page.getByRole('tab', { name: 'Live' }).click()
    await page.getByRole('button', { name: 'Load Live' }).click()
    await eventually(modelTitle).toBe('Live')
    await page.getByRole('button', { name: 'Sample' }).click()
    await page.locator('.settings input[type=number]').nth(1).fill('')
    await page.getByRole('button', { name: 'Caption' }).click()
    await page.locator('.history li').nth(2).waitFor()
    expect((await page.locator('.history li').allTextContents()).join(' ')).toMatch(/ appears| sign says/)
    await picture('live-sample')
    await page.getByRole('button', { name: 'Stop' }).click()
  })

  it('learns from drawn shapes, and what is downloaded is a folder that casa reads', async () => {
    await page.getByRole('tab', { name: 'Models' }).click()
    await page.getByRole('listitem').filter({ hasText: 'Reader' }).getByRole('button', { name: 'Load' }).click()
    await eventually(modelTitle).toBe('Reader')
    await page.getByRole('tab', { name: 'Train' }).click()
    await page.getByRole('button', { name: 'Drawn shapes' }).click()
    await eventually(() => page.locator('.examples li').count()).toBe(24)
    expect(await page.locator('.examples li.held-out').count()).toBe(4)
    // Fewer pictures and updates than a person would give: enough to see that it learns.
    if (!screenshots) {
      for (let i = 0; i < 8; i++) await page.locator('.examples .remove').last().click()
      for (let i = 0; i < 8; i++) await page.locator('.examples .remove').first().click()
    }
    await page.getByLabel('Updates').fill('6')
    await page.getByRole('button', { name: 'Train', exact: true }).click()
    await page.getByText('Done after 6 updates').waitFor()
    expect(await page.locator('.progress polyline').getAttribute('points')).toMatch(/^(\S+ ){5}\S+$/)
    const [, before, now] = (await page.locator('table.held-out caption').textContent())!.match(
      /(\d) of 4 correct before, (\d) now/,
    )!
    expect(Number(now)).toBeGreaterThanOrEqual(Number(before))
    expect(await violations()).toEqual([])
    await eventually(modelTitle).toBe('Reader, trained')
    await picture('train', page.locator('.progress'))
    // The conversation from before the training goes on.
    const doneBefore = await page.locator('.answer.done').count()
    expect(doneBefore).toBeGreaterThan(0)
    await page.getByRole('link', { name: 'Ask it' }).click()
    await page.getByRole('textbox', { name: 'Question' }).fill('What does it say?')
    await page.getByRole('textbox', { name: 'Question' }).press('Enter')
    await eventually(() => page.locator('.answer.done').count()).toBe(doneBefore + 1)
    await page.getByRole('tab', { name: 'Train' }).click()
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()])
    const files = unzipSync(await readFile(await download.path()))
    const folder = await mkdtemp(join(tmpdir(), 'casa-trained-'))
    for (const [path, bytes] of Object.entries(files)) await writeFile(join(folder, basename(path)), bytes)
    const question = [`${cli}/samples/sign.png`, 'What does it say?', '--model', folder, '--device', 'wasm']
    const casa = ['--conditions=@casa-js/source', '--import', 'tsx', `${cli}/src/bin.ts`, 'ask', ...question]
    const answer = await promisify(execFile)(process.execPath, casa, { cwd: repository })
    expect(answer.stdout).toContain('camel')
    await rm(folder, { recursive: true })
  })

  it('tabs move by arrow keys', async () => {
    await page.getByRole('tab', { name: 'Models' }).click()
    for (const name of ['Ask', 'Live', 'Train', 'Models']) {
      await page.keyboard.press('ArrowRight')
      await eventually(() => page.getByRole('tab', { selected: true }).textContent()).toBe(name)
    }
  })

  it('is never wider than a phone: no model, one that loads, one that fails, one that is there', async () => {
    const widths = async () => {
      const wide: string[] = []
      for (const tab of await page.getByRole('tab').all()) {
        await tab.click()
        const width = await page.evaluate(() => document.documentElement.scrollWidth)
        if (width > 390) wide.push(`${await tab.textContent()}: ${width}`)
      }
      return wide
    }
    const load = async (address: string) => {
      await page.getByRole('tab', { name: 'Models' }).click()
      await page.getByLabel('Address of a model folder').fill(address)
      await page.locator('.own').getByRole('button', { name: 'Load' }).click()
    }
    await page.setViewportSize({ width: 390, height: 800 })
    expect(await widths()).toEqual([])
    // Never answered: loading goes on until it is stopped.
    await page.route('**/endless/**', () => {})
    const long = `/endless/${'a-folder-with-a-long-name'.repeat(4)}/`
    await load(long)
    await page.locator('.model-bar progress').waitFor()
    expect(await widths()).toEqual([])
    await page.getByRole('button', { name: 'Stop' }).first().click()
    await page.getByText('Choose a model').waitFor()
    await page.getByRole('tab', { name: 'Models' }).click()
    await page.getByLabel('Address of a model folder').fill('')
    expect(await widths()).toEqual([])
    await load(long.replace('endless', 'nowhere'))
    await page.locator('.models .error').waitFor()
    expect(await widths()).toEqual([])
    await page.setViewportSize({ width: 1280, height: 860 })
  })

  describe.skipIf(!hasWebgpu)('on WebGPU', () => {
    let gpuBrowser: Browser
    let gpuPage: Page

    beforeAll(async () => {
      gpuBrowser = await chromium.launch({ executablePath: findBrowser()!, args: [...browserFlags, ...webgpuFlags] })
      gpuPage = await (await gpuBrowser.newContext({ permissions: ['camera'] })).newPage()
      gpuPage.setDefaultTimeout(patienceMs)
      gpuPage.on('pageerror', (error) => errors.push(error.message))
      await gpuPage.goto(`${address()}#models`)
      await gpuPage.getByRole('radio', { name: 'webgpu' }).check()
      await loadShipped('Reader')
    }, limitMs)
    afterAll(() => gpuBrowser?.close())

    const loadShipped = async (title: string) => {
      await gpuPage.getByRole('tab', { name: 'Models' }).click()
      await gpuPage.getByRole('listitem').filter({ hasText: title }).getByRole('button', { name: 'Load' }).click()
      await gpuPage.locator('.model-bar', { hasText: `${title} on webgpu` }).waitFor()
    }

    it('answers in the Ask tab', async () => {
      await gpuPage.getByRole('tab', { name: 'Ask' }).click()
      await gpuPage.getByRole('button', { name: 'a sign', exact: true }).click()
      await eventually(() => gpuPage.getByRole('textbox', { name: 'Question' }).inputValue()).toBe('What does it say?')
      await gpuPage.getByRole('button', { name: 'Ask', exact: true }).click()
      await gpuPage.locator('.answer.done').waitFor()
      expect(await gpuPage.locator('.answer p').first().textContent()).toBe('camel')
      expect(await gpuPage.locator('.looked').count()).toBe(1)
    })

    it.skipIf(!testsAllOfWebgpu)('captions the camera in the Live tab', async () => {
      await gpuPage.getByRole('tab', { name: 'Live' }).click()
      await gpuPage.locator('.live').getByRole('button', { name: 'Camera' }).click()
      await gpuPage.locator('.settings summary').click()
      await gpuPage.getByLabel('Tokens per frame').fill('4')
      await gpuPage.getByLabel('Tokens per frame').press('Tab')
      await gpuPage.getByRole('button', { name: 'Caption' }).click()
      await eventually(() => gpuPage.locator('.plots .hint').textContent()).toMatch(/^[1-9]\d* frames seen/)
      await gpuPage.getByRole('button', { name: 'Stop' }).click()
      await gpuPage.getByRole('button', { name: 'Caption' }).waitFor()
    })

    it.skipIf(!testsAllOfWebgpu)('computes correctly, says the Models tab', async () => {
      await gpuPage.getByRole('tab', { name: 'Models' }).click()
      await gpuPage.getByRole('button', { name: 'Verify webgpu' }).click()
      await gpuPage.getByText(/checks are|is at work/).waitFor()
      expect(await gpuPage.locator('.models .status').textContent()).toMatch(/^All 72 checks are within their limits/)
    })
  })

  it('logs no error but those of files that are not there', () => expect(errors.filter((text) => !/404/.test(text))).toEqual([]))
})
