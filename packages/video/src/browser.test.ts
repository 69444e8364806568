/** Videos in Chromium, through WebCodecs: the same frames as in Node, and a fake camera. Skipped without Chromium. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as video from './index.ts'
import { encode, ffmpegMissing, h264, readNumber, videoFolder, type Recipe } from './testing/numbered-videos.ts'

interface Given {
  frames: { timeMs: number; widthPx: number; heightPx: number; sha256: string }[]
  events: video.VideoEvent[]
  dropped: number
  error?: string
}

const chromiumPath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => path && existsSync(path),
)

/** The package bundled for a page, minified. */
async function bundle(): Promise<string> {
  const entry = fileURLToPath(new URL('./index.ts', import.meta.url))
  const result = await build({
    configFile: false,
    logLevel: 'error',
    resolve: { conditions: ['@casa-js/source', 'browser', 'module'] },
    plugins: [
      {
        name: 'program',
        resolveId: (id) => (id === 'program' ? '\0program' : undefined),
        load: (id) =>
          id === '\0program' ? `import * as video from ${JSON.stringify(entry)}; globalThis.video = video` : undefined,
      },
    ],
    build: { write: false, minify: true, target: 'es2022', rollupOptions: { input: 'program' } },
  })
  const outputs = Array.isArray(result) ? result : [result]
  return outputs.flatMap((one) => ('output' in one ? one.output.map((part) => ('code' in part ? part.code : '')) : [])).join('')
}

const folder = videoFolder()
const file = (name: string) => join(folder, name)

describe.skipIf(!chromiumPath || ffmpegMissing)('in Chromium', () => {
  let code = ''
  /** Serves the page at "/", and the files of the folder with range requests. */
  const server = createServer((request, response) => {
    if (request.url === '/')
      return response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>video</title>')
    const path = join(folder, basename(request.url!))
    if (!existsSync(path)) return response.writeHead(404).end()
    const bytes = readFileSync(path)
    const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '')
    if (!range) return response.end(bytes)
    const [start, end] = [Number(range[1]), range[2] ? Number(range[2]) : bytes.length - 1]
    const part = bytes.subarray(start, end + 1)
    return response.writeHead(206, { 'content-range': `bytes ${start}-${start + part.length - 1}/${bytes.length}` }).end(part)
  })
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    const camera = await encode(file('camera.mjpeg'), ['-c:v', 'mjpeg', '-q:v', '2', '-pix_fmt', 'yuvj420p', '-f', 'mjpeg'], {
      widthPx: 320,
      heightPx: 240,
      frames: 1,
    })
    code = await bundle()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    browser = await chromium.launch({
      executablePath: chromiumPath!,
      args: [
        '--no-sandbox',
        '--use-fake-device-for-media-stream',
        '--use-fake-ui-for-media-stream',
        `--use-file-for-fake-video-capture=${camera}`,
      ],
    })
    page = await browser.newPage()
    page.on('pageerror', (error) => console.error('the page:', error.message))
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    await page.addScriptTag({ type: 'module', content: code })
    await page.waitForFunction('globalThis.video')
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    server.closeAllConnections()
    server.close()
  })

  const hash = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')
  /** Reads frames in Node. */
  async function here(source: string, options: video.VideoOptions): Promise<Given['frames']> {
    const frames = []
    for await (const { image, timeMs } of video.openVideo(source, options))
      frames.push({ timeMs, widthPx: image.widthPx, heightPx: image.heightPx, sha256: hash(image.data) })
    return frames
  }
  /** Reads frames in the page: from a URL, a camera, or the page's canvas. */
  const there = (
    source: { url: string } | { camera: MediaTrackConstraints } | { of: 'canvas' | 'stream' },
    options: { framesPerSecond?: number; sizePx?: number; from?: number; to?: number; most?: number; pauseMs?: number },
  ) =>
    page.evaluate(
      async ({ source, options: { most = Infinity, pauseMs = 0, ...options } }): Promise<Given> => {
        const { openVideo } = (globalThis as unknown as { video: typeof video }).video
        const frames: Given['frames'] = []
        const events: video.VideoEvent[] = []
        try {
          const { canvas } = globalThis as unknown as { canvas: HTMLCanvasElement }
          const given =
            'url' in source ? source.url : 'camera' in source ? source : source.of === 'canvas' ? canvas : canvas.captureStream()
          const opened = openVideo(given, { ...options, onEvent: (event) => events.push(event) })
          for await (const { image, timeMs } of opened) {
            const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', image.data as Uint8Array<ArrayBuffer>))
            const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
            ;(globalThis as unknown as { last: unknown }).last = image
            frames.push({ timeMs, widthPx: image.widthPx, heightPx: image.heightPx, sha256 })
            if (frames.length >= most) break
            if (pauseMs) await new Promise((resolve) => setTimeout(resolve, pauseMs))
          }
          return { frames, events, dropped: opened.droppedFrames }
        } catch (error) {
          return { frames, events, dropped: 0, error: `${(error as Error).name}: ${(error as Error).message}` }
        }
      },
      { source, options },
    )
  const lastNumber = async () => {
    const { widthPx, heightPx, data } = await page.evaluate(() => {
      const { widthPx, heightPx, data } = (
        globalThis as unknown as { last: { widthPx: number; heightPx: number; data: Uint8Array } }
      ).last
      return { widthPx, heightPx, data: Array.from(data) }
    })
    return readNumber({ widthPx, heightPx, data: Uint8Array.from(data) })
  }
  const served = (path: string) => ({ url: `/${basename(path)}` })

  const kinds: Record<string, { name: string; args: string[]; recipe?: Recipe }> = {
    'H.264 with B-frames': { name: 'h264.mp4', args: h264 },
    VP8: {
      name: 'vp8.webm',
      args: ['-c:v', 'libvpx', '-b:v', '400k', '-auto-alt-ref', '1', '-lag-in-frames', '16', '-pix_fmt', 'yuv420p'],
    },
    'VP9 of an odd size': {
      name: 'vp9.webm',
      args: ['-c:v', 'libvpx-vp9', '-b:v', '400k', '-deadline', 'realtime', '-cpu-used', '8', '-pix_fmt', 'yuv420p'],
      recipe: { widthPx: 193, heightPx: 109 },
    },
    AV1: {
      name: 'av1.mp4',
      args: ['-c:v', 'libaom-av1', '-cpu-used', '8', '-usage', 'realtime', '-b:v', '400k', '-pix_fmt', 'yuv420p'],
      recipe: { frames: 60 },
    },
    'high definition': { name: 'hd.mp4', args: [...h264, '-t', '1'], recipe: { widthPx: 1280, heightPx: 720, frames: 30 } },
  }
  test('a page ships no operator and nothing of Node', () => {
    expect(code).not.toMatch(/@compute|AGFzbQ|napi-rs|ffprobe/)
    expect(code.length).toBeLessThan(900_000)
  })

  test.each(Object.entries(kinds))('%s: the very bytes that Node gives', async (_, { name, args, recipe }) => {
    const path = await encode(file(name), args, recipe)
    for (const options of [{ framesPerSecond: 2 }, { framesPerSecond: 7, from: 0.5, to: 1.6, sizePx: 120 }]) {
      const given = await there(served(path), options)
      expect(given.error).toBeUndefined()
      expect(given.frames).toEqual(await here(path, options))
    }
  })

  test('an animation, frame by frame', async () => {
    const path = file('animation.gif')
    execFileSync('ffmpeg', ['-loglevel', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc=size=64x48:rate=5:duration=2', path])
    const given = await there(served(path), { framesPerSecond: 4 })
    expect(given.error).toBeUndefined()
    expect(given.frames).toEqual(await here(path, { framesPerSecond: 4 }))
  })

  test('what this browser cannot decode is named, with the way out', async () => {
    const path = await encode(file('mpeg4.mp4'), ['-c:v', 'mpeg4', '-q:v', '3'], { frames: 10 })
    expect((await there(served(path), {})).error).toMatch(
      /^VideoError: .*mpeg4\.mp4: cannot be decoded: its codec .*\. Use a browser that has it, or convert it/,
    )
    expect((await there({ url: '/absent.mp4' }, {})).error).toMatch(/^VideoError: /)
  })

  test('a camera: upright frames at the pace asked for, until it is let go', async () => {
    const given = await there({ camera: { width: 320, height: 240 } }, { framesPerSecond: 10, most: 5 })
    expect(given.error).toBeUndefined()
    expect(given.frames.map(({ widthPx, heightPx }) => [widthPx, heightPx])).toEqual(Array(5).fill([320, 240]))
    const times = given.frames.map(({ timeMs }) => Math.round(timeMs / 100))
    expect(times[0]).toBe(0)
    for (let i = 1; i < times.length; i++) expect(times[i]).toBeGreaterThan(times[i - 1]!)
    expect(await lastNumber()).toBe(0)
  })

  test('a canvas, read slowly: the newest frame wins, and drops are told', async () => {
    await page.evaluate(() => {
      const canvas = document.createElement('canvas')
      Object.assign(canvas, { width: 40, height: 30 })
      const context = canvas.getContext('2d')!
      let shade = 0
      setInterval(() => {
        context.fillStyle = `rgb(${++shade}, 0, 0)`
        context.fillRect(0, 0, 40, 30)
      }, 20)
      ;(globalThis as unknown as { canvas: HTMLCanvasElement }).canvas = canvas
    })
    const given = await there({ of: 'canvas' }, { framesPerSecond: 20, most: 4, pauseMs: 300 })
    expect(given.error).toBeUndefined()
    expect(given.frames.map(({ widthPx, heightPx }) => [widthPx, heightPx])).toEqual(Array(4).fill([40, 30]))
    expect(new Set(given.frames.map(({ sha256 }) => sha256)).size).toBe(4)
    expect(given.dropped).toBe(Math.round(given.frames[3]!.timeMs / 50) - 3)
    expect(given.dropped).toBeGreaterThan(5)
    expect(given.events.at(-1)).toMatchObject({ type: 'drop', total: given.dropped })
    // The same as a stream in the page.
    const stream = await there({ of: 'stream' }, { framesPerSecond: 10, most: 3 })
    expect(stream.frames.map(({ widthPx, heightPx }) => [widthPx, heightPx])).toEqual(Array(3).fill([40, 30]))
  })
})
