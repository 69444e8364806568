/** The browser's decoder, in Chromium, through the same `decodeImage` that Node uses. Skipped where there is no Chromium. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser, type Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createViteServer } from 'vitest/node'
import * as decode from './decode.ts'
import { oddFiles, readOdd } from './fixtures/odd-files.ts'
import { fixture } from './fixtures/read-golden.ts'

type Server = Awaited<ReturnType<typeof createViteServer>>

const chromiumPath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => path && existsSync(path),
)
const repository = (path: string) => fileURLToPath(new URL('../../../' + path, import.meta.url))
const png = readFileSync(fixture('images/china.png'))

const { decodeImage } = decode

describe.skipIf(!chromiumPath)('in Chromium', () => {
  let server: Server
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    server = await createViteServer({
      root: repository('packages/vision'),
      configFile: false,
      logLevel: 'error',
      resolve: {
        conditions: ['@casa-js/source', 'browser', 'module', 'import', 'default'],
        alias: { '@casa-js/base': repository('packages/base/src/index.ts') },
      },
      server: { port: 0, host: '127.0.0.1', ws: false, hmr: false, fs: { allow: [repository('.')] } },
      optimizeDeps: { noDiscovery: true, include: [] },
    })
    await server.listen()
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] })
    page = await browser.newPage()
    page.on('pageerror', (error) => console.error('the page:', error.message))
    await page.goto(server.resolvedUrls!.local[0] + 'package.json')
    await page.addScriptTag({ type: 'module', content: "import * as decode from '/src/decode.ts'; globalThis.decode = decode" })
    await page.waitForFunction('globalThis.decode')
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  /** Decode in the page; with `again`, encode as PNG and decode once more. */
  const decodeThere = (file: Uint8Array, { again = false } = {}) =>
    page.evaluate(
      async ({ bytes, again }) => {
        const { decodeImage, encodePng } = (globalThis as unknown as { decode: typeof decode }).decode
        try {
          let image = await decodeImage(Uint8Array.from(bytes), { name: 'picture' })
          if (again) image = await decodeImage(await encodePng(image))
          return { ...image, data: Array.from(image.data as Uint8Array) }
        } catch (error) {
          return { error: `${(error as Error).name}: ${(error as Error).message}` }
        }
      },
      { bytes: Array.from(file), again },
    )
  /** Mean difference from what Node decodes, in byte values (0..255). */
  const difference = async (file: Uint8Array) => {
    const [here, there] = [await decodeImage(file), await decodeThere(file)]
    if ('error' in there) throw new Error(there.error)
    expect([there.widthPx, there.heightPx, there.data.length]).toEqual([here.widthPx, here.heightPx, here.data.length])
    return here.data.reduce((sum, byte, i) => sum + Math.abs(byte - there.data[i]!), 0) / here.data.length
  }
  const small = () => sharp(png).resize(40, 24)

  test('a png has the bytes that it has in Node, also after a round trip', async () => {
    const image = await decodeImage(png)
    const expected = { ...image, data: Array.from(image.data) }
    expect(await decodeThere(png)).toEqual(expected)
    expect(await decodeThere(png, { again: true })).toEqual(expected)
  })

  test('lossless pictures of every kind', async () => {
    const frames = new Uint8Array(2 * 2 * 4 * 3).fill(255, 2 * 2 * 3 * 2)
    const animation = sharp(frames, { raw: { width: 2, height: 8, channels: 3, pageHeight: 4 } })
    const files = {
      webp: small().webp({ lossless: true }),
      grey: small().toColourspace('b-w').png(),
      turned: small().withMetadata({ orientation: 6 }).png(),
      profile: small().withIccProfile('p3').png(),
      animation: animation.webp({ lossless: true, delay: [10, 10] }),
    }
    for (const [name, file] of Object.entries(files)) expect(await difference(await file.toBuffer()), name).toBe(0)
  })

  test('transparency is composited over white', async () => {
    const rgba = Uint8Array.of(200, 0, 0, 0, 200, 0, 0, 255, 0, 0, 0, 128, 9, 9, 9, 255)
    expect(
      await difference(
        await sharp(rgba, { raw: { width: 4, height: 1, channels: 4 } })
          .png()
          .toBuffer(),
      ),
    ).toBeLessThan(0.5)
  })

  test('lossy pictures and deep samples differ by roundings', async () => {
    expect(await difference(await small().jpeg({ quality: 90 }).toBuffer())).toBeLessThan(2)
    expect(await difference(await small().webp({ quality: 90 }).toBuffer())).toBeLessThan(2)
    expect(await difference(await small().toColourspace('rgb16').png().toBuffer())).toBeLessThan(1)
  })

  test.each(oddFiles.filter((name) => !name.endsWith('.tif')))('%s has the pixels that Node gives', async (name) => {
    const { file } = readOdd(name)
    const [here, there] = [await decodeImage(file), await decodeThere(file)]
    if ('error' in there) throw new Error(there.error)
    expect([there.widthPx, there.heightPx]).toEqual([here.widthPx, here.heightPx])
    expect(here.data.reduce((most, byte, i) => Math.max(most, Math.abs(byte - there.data[i]!)), 0)).toBeLessThanOrEqual(1)
  })

  test('TIFF, which Chromium cannot decode, is refused in words', async () => {
    expect(await decodeThere(readOdd('picture.tif').file)).toEqual({
      error: 'ImageError: picture: this browser has no decoder for TIFF; convert the picture to PNG, JPEG or WebP',
    })
  })

  test('what is refused', async () => {
    expect(await decodeThere(new Uint8Array(0))).toEqual({
      error: 'ImageError: picture: the file is empty; expected PNG, JPEG, WebP, GIF, AVIF, TIFF or BMP',
    })
    for (const file of [png, await small().jpeg().toBuffer(), await small().webp().toBuffer()]) {
      const half = await decodeThere(file.subarray(0, Math.floor(file.length * 0.6)))
      expect(half).toHaveProperty(
        'error',
        expect.stringMatching(
          /^ImageError: picture: the (png|jpeg|webp) file of \d+ bytes cannot be decoded, it may be truncated or damaged: /,
        ),
      )
    }
  })
})
