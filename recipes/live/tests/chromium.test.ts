/**
 * The same captions in Chromium as in Node: of the demo clip through WebCodecs, and of a camera that shows one of its pictures for ever,
 * so that it does not matter when a frame is taken. Skipped without Chromium or ffmpeg.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { close, init } from '@casa-js/tensor'
import { openVideo, type VideoFrame } from '@casa-js/video'
import { captionStream, loadVlm, type Vlm } from '@casa-js/vlm'
import { chromium, type Browser, type Page } from 'playwright-core'
import { build, preview, type Plugin, type PreviewServer } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findBrowser } from '../../../scripts/browser.mjs'
import type {} from './page/main.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const clip = here('../samples/live.mp4')
const frames = 16

/** Serves the model and the clip. */
const files: Plugin = {
  name: 'files',
  configurePreviewServer(server) {
    server.middlewares.use((request, response, next) => {
      const path = request.url?.split('?')[0] ?? ''
      if (!/^\/(model|samples)\/[\w.-]+$/.test(path)) return next()
      const file = here(`..${path}`)
      if (!existsSync(file)) return void response.writeHead(404).end()
      const bytes = readFileSync(file)
      const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '')
      if (!range) return void response.end(bytes)
      const [start, end] = [Number(range[1]), range[2] ? Number(range[2]) : bytes.length - 1]
      const part = bytes.subarray(start, end + 1)
      response.writeHead(206, { 'content-range': `bytes ${start}-${start + part.length - 1}/${bytes.length}` }).end(part)
    })
  },
}

const ffmpegMissing = (() => {
  try {
    return execFileSync('ffmpeg', ['-version']).length === 0
  } catch {
    return true
  }
})()

describe.skipIf(!findBrowser() || ffmpegMissing)('captions in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'casa-live-'))
  let server: PreviewServer
  let browser: Browser
  let page: Page
  let vlm: Vlm
  const errors: string[] = []

  beforeAll(async () => {
    // Five seconds in, for ever: the device plays its file again and again.
    const camera = join(folder, 'camera.y4m')
    execFileSync('ffmpeg', ['-v', 'error', '-ss', '5', '-i', clip, '-frames:v', '1', '-pix_fmt', 'yuv420p', camera])
    const config = {
      root: here('./page'),
      configFile: false as const,
      logLevel: 'error' as const,
      plugins: [files],
      resolve: { conditions: ['@casa-js/source', 'browser', 'module', 'import', 'default'] },
      worker: { format: 'es' as const },
      build: { outDir: join(folder, 'page'), emptyOutDir: true, target: 'es2022' as const, chunkSizeWarningLimit: 3000 },
    }
    await build(config)
    server = await preview({ ...config, preview: { port: 0, open: false } })
    browser = await chromium.launch({
      executablePath: findBrowser()!,
      args: [
        '--no-sandbox',
        '--disable-quic',
        '--disable-background-networking',
        '--use-fake-device-for-media-stream',
        '--use-fake-ui-for-media-stream',
        `--use-file-for-fake-video-capture=${camera}`,
      ],
    })
    page = await browser.newPage()
    page.on('pageerror', (error) => errors.push(error.message))
    await page.goto(server.resolvedUrls!.local[0]!)
    await page.waitForFunction(() => 'live' in window)
    await init({ device: 'wasm' })
    vlm = await loadVlm(here('../model'), { weights: 'float32' })
  }, 360_000)
  afterAll(async () => {
    await browser?.close()
    await server?.close()
    vlm?.dispose()
    await close()
    rmSync(folder, { recursive: true, force: true })
  })

  async function inNode(video: AsyncIterable<VideoFrame> | VideoFrame[], count: number): Promise<string[]> {
    const texts: string[] = []
    for await (const { text } of captionStream(vlm, video, { budgetMs: Infinity })) {
      texts.push(text)
      if (texts.length === count) break
    }
    return texts
  }

  it('of a file, through WebCodecs', async () => {
    const there = await page.evaluate((count) => live.caption('/samples/live.mp4', count), frames)
    const expected = await inNode(openVideo(clip, { framesPerSecond: 2 }), frames)
    expect(there).toEqual({ decoder: 'webcodecs', texts: expected })
    // Something happens in this clip, and not in every frame.
    expect(expected.filter((text) => text !== '').length).toBeGreaterThan(2)
    expect(expected).toContain('')
    expect(errors).toEqual([])
  }, 360_000)

  it('of a camera', async () => {
    const shown: VideoFrame[] = []
    for await (const frame of openVideo(clip, { framesPerSecond: 2, from: 5, to: 5.5 })) shown.push(frame)
    const still = Array.from({ length: 4 }, (_, i) => ({ ...shown[0]!, timeMs: i * 500 }))
    const { texts } = await page.evaluate((count) => live.caption({ camera: { width: 384, height: 384 } }, count), still.length)
    expect(texts).toEqual(await inNode(still, still.length))
    expect(texts[0]).not.toBe('')
    expect(errors).toEqual([])
  }, 360_000)
})
