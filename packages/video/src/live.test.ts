/** Live sources, lists of sources, aborts, and memory. */
import { execFile, spawn } from 'node:child_process'
import { appendFileSync, createReadStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openVideo, VideoError, type VideoEvent, type VideoFrame, type VideoOptions, type VideoSource } from './index.ts'
import { newestFrames } from './newest.ts'
import { encode, ffmpegMissing, h264, readNumber, videoFolder } from './testing/numbered-videos.ts'

const folder = videoFolder()
const file = (name: string) => join(folder, name)
const numbers = async (source: VideoSource, options: VideoOptions = {}) => {
  const found: number[] = []
  for await (const { image } of openVideo(source, options)) found.push(readNumber(image))
  return found
}
const colour = (image: VideoFrame['image']) => image.data[0]!
const flat = (value: number, format: 'png' | 'gif' = 'png') =>
  sharp({ create: { width: 6, height: 4, channels: 3, background: { r: value, g: value, b: value } } })
    .toFormat(format)
    .toBuffer()

describe('options', () => {
  test.each([
    [{ framesPerSecond: 0 }, 'framesPerSecond'],
    [{ framesPerSecond: 1e12 }, 'framesPerSecond'],
    [{ framesPerSecond: NaN }, 'framesPerSecond'],
    [{ sizePx: 1.5 }, 'sizePx'],
    [{ from: -1 }, 'from'],
    [{ from: 3, to: 3 }, 'to'],
  ])('%o is refused by name', (options, field) => {
    expect(() => openVideo('film.mp4', options)).toThrow(`openVideo: ${field}: expected`)
  })
})

describe('pictures', () => {
  test('a folder in the order of numbers, a list, and both with times', async () => {
    mkdirSync(file('pictures'))
    for (const [name, value] of [
      ['10.png', 30],
      ['2.png', 20],
      ['1.png', 10],
      ['note.txt', 0],
    ] as const)
      writeFileSync(file(`pictures/${name}`), await flat(value))
    const frames = []
    for await (const { image, timeMs } of openVideo(file('pictures'), { framesPerSecond: 4 }))
      frames.push([colour(image), timeMs])
    expect(frames).toEqual([
      [10, 0],
      [20, 250],
      [30, 500],
    ])
    const part = []
    for await (const { image, timeMs } of openVideo([file('pictures'), new Blob([new Uint8Array(await flat(40))])], {
      framesPerSecond: 4,
      from: 0.5,
    }))
      part.push([colour(image), timeMs])
    expect(part).toEqual([
      [30, 500],
      [40, 750],
    ])
    mkdirSync(file('empty'))
    await expect(numbers(file('empty'))).rejects.toThrow('there is no picture in this folder')
  })

  test('an animation by its own clock, however long a frame is shown', async () => {
    const pages = await sharp(
      new Uint8Array(6 * 4 * 3 * 3).map((_, i) => Math.floor(i / 72) * 50),
      { raw: { width: 6, height: 12, channels: 3, pageHeight: 4 } },
    )
      .gif({ delay: [65_000, 500, 65_000] })
      .toBuffer()
    writeFileSync(file('slow.gif'), pages)
    const shown: number[] = []
    for await (const { image } of openVideo(file('slow.gif'))) shown.push(colour(image))
    expect(shown).toEqual([...Array(130).fill(0), 50, ...Array(130).fill(100)])
    // 3,930 frames at 30 a second, of three pictures.
    const images = new Set<VideoFrame['image']>()
    let count = 0
    for await (const { image } of openVideo(file('slow.gif'), { framesPerSecond: 30 })) {
      images.add(image)
      count++
    }
    expect([count, images.size]).toEqual([3915, 3])
  })

  test('frames are made smaller, never larger', async () => {
    for await (const { image } of openVideo(new Blob([new Uint8Array(await flat(7))]), { sizePx: 3 }))
      expect([image.widthPx, image.heightPx]).toEqual([3, 2])
    for await (const { image } of openVideo(new Blob([new Uint8Array(await flat(7))]), { sizePx: 300 }))
      expect([image.widthPx, image.heightPx]).toEqual([6, 4])
  })
})

describe('the newest frame wins', () => {
  const image = { widthPx: 1, heightPx: 1, data: new Uint8Array(3) }
  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  async function* camera(frames: number, everyMs: number) {
    for (let i = 0; i < frames; i++) {
      await sleep(everyMs)
      yield { image, timeMs: i * everyMs, durationMs: everyMs }
    }
  }

  test('of a source that is faster than its reader, and what was left out is told', async () => {
    const events: VideoEvent[] = []
    const got: number[] = []
    const options = {
      framesPerSecond: 50,
      realTime: true,
      signal: new AbortController().signal,
      onDrop: (event: VideoEvent) => events.push(event),
    }
    for await (const { timeMs } of newestFrames(camera(30, 20), options)) {
      got.push(Math.round(timeMs / 20))
      await sleep(90)
    }
    expect(got[0]).toBe(0)
    expect(got.at(-1)).toBe(29)
    expect(got.length).toBeLessThan(15)
    const left = got.reduce((sum, number, i) => sum + (i > 0 ? number - got[i - 1]! - 1 : 0), 0)
    expect(events.at(-1)).toMatchObject({ type: 'drop', total: left })
    expect(left).toBe(30 - got.length)
  })

  test('a reader that keeps up misses none', async () => {
    const got: number[] = []
    const options = {
      framesPerSecond: 50,
      realTime: true,
      signal: new AbortController().signal,
      onDrop: () => expect.unreachable(),
    }
    for await (const { timeMs } of newestFrames(camera(10, 20), options)) got.push(Math.round(timeMs / 20))
    expect(got).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('an error of the source arrives, an abort ends the wait', async () => {
    async function* broken(): AsyncGenerator<VideoFrame> {
      yield { image, timeMs: 0, durationMs: 1 }
      throw new VideoError('unplugged')
    }
    const options = { framesPerSecond: 1, realTime: true, onDrop: () => undefined }
    const all = async (frames: AsyncGenerator<VideoFrame>, signal: AbortSignal) => {
      for await (const _ of newestFrames(frames, { ...options, signal })) await sleep(1)
    }
    await expect(all(broken(), new AbortController().signal)).rejects.toThrow('unplugged')
    const reason = new Error('enough')
    await expect(all(camera(1, 1e6), AbortSignal.any([AbortSignal.timeout(30)]))).rejects.toThrow(/timeout/i)
    await expect(all(camera(1, 10), AbortSignal.abort(reason))).rejects.toBe(reason)
  })
})

describe.skipIf(ffmpegMissing)('with ffmpeg', () => {
  test('a camera, as ffmpeg reads it: drops are counted, closing ends it', async () => {
    const events: VideoEvent[] = []
    const video = openVideo(
      { ffmpeg: ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=64x48:rate=30'] },
      { framesPerSecond: 20, onEvent: (event) => events.push(event) },
    )
    expect(await video.info()).toMatchObject({ live: true, decoder: 'ffmpeg' })
    const times: number[] = []
    for await (const { timeMs, image } of video) {
      expect([image.widthPx, image.heightPx]).toEqual([64, 48])
      times.push(Math.round(timeMs / 50))
      if (times.length === 4) break
      await new Promise((resolve) => setTimeout(resolve, 400))
    }
    expect(video.droppedFrames).toBe(times[3]! - 3)
    expect(video.droppedFrames).toBeGreaterThan(3)
    expect(events.at(-1)).toMatchObject({ type: 'drop', total: video.droppedFrames })
  })

  test('a file played as if it were live takes its own time', async () => {
    const path = await encode(file('live.mp4'), h264, { frames: 45 })
    const before = performance.now()
    expect(await numbers(path, { live: true, framesPerSecond: 10 })).toEqual([
      0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39, 42,
    ])
    expect(performance.now() - before).toBeGreaterThan(1300)
  })

  test('a file that is still being written, and a pipe', async () => {
    const bytes = readFileSync(await encode(file('source.mkv'), [...h264, '-cluster_time_limit', '500'], { frames: 120 }))
    writeFileSync(file('growing.mkv'), bytes.subarray(0, 3000))
    let at = 3000
    const timer = setInterval(() => {
      appendFileSync(file('growing.mkv'), bytes.subarray(at, (at += 2000)))
      if (at >= bytes.length) clearInterval(timer)
    }, 50)
    expect(await numbers(file('growing.mkv'), { follow: { idleMs: 600 } })).toEqual([0, 15, 30, 45, 60, 75, 90, 105])
    const stream = Readable.toWeb(createReadStream(file('source.mkv'))) as ReadableStream<Uint8Array>
    expect(await numbers(stream, { from: 1 })).toEqual([30, 45, 60, 75, 90, 105])
  })

  describe('over http', () => {
    let address = ''
    let served = 0
    const server = createServer((request: IncomingMessage, response: ServerResponse) => {
      if (request.url !== '/long.mp4') return response.writeHead(404).end()
      const bytes = readFileSync(file('long.mp4'))
      const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '')
      if (!range) return response.writeHead(200, { 'content-length': bytes.length, 'accept-ranges': 'bytes' }).end(bytes)
      const [start, end] = [Number(range[1]), range[2] ? Number(range[2]) : bytes.length - 1]
      const part = bytes.subarray(start, end + 1)
      response.on('close', () => (served += Math.min(part.length, response.socket?.bytesWritten ?? part.length)))
      return response.writeHead(206, { 'content-range': `bytes ${start}-${start + part.length - 1}/${bytes.length}` }).end(part)
    })
    beforeAll(async () => {
      await encode(file('long.mp4'), [...h264, '-movflags', '+faststart'], { frames: 900 })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    })
    afterAll(() => server.closeAllConnections())

    test('in ranges, from any place', async () => {
      expect(await numbers(`${address}/long.mp4`, { from: 28 })).toEqual([840, 855, 870, 885])
      await expect(numbers(`${address}/absent.mp4`)).rejects.toThrow('the server answered 404')
      await expect(numbers('http://127.0.0.1:9/film.mp4')).rejects.toThrow('no answer')
    })
  })

  test('abort, close, break and a second reading', async () => {
    const path = await encode(file('stop.mp4'), h264)
    const reason = new Error('enough')
    const controller = new AbortController()
    const seen: number[] = []
    const aborted = (async () => {
      for await (const { timeMs } of openVideo(path, { framesPerSecond: 30, signal: controller.signal })) {
        seen.push(timeMs)
        if (seen.length === 5) controller.abort(reason)
      }
    })()
    await expect(aborted).rejects.toBe(reason)
    expect(seen).toHaveLength(5)
    await expect(numbers(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const closing = openVideo(path, { framesPerSecond: 30 })
    let count = 0
    for await (const _ of closing) if (++count === 3) await closing.close()
    expect(count).toBe(3)
    await closing.close()
    const broken = openVideo(path)
    for await (const _ of broken) break
    await expect(
      (async () => {
        for await (const _ of broken) expect.unreachable()
      })(),
    ).rejects.toThrow('its frames were read already')
    await openVideo(path).close()
  })

  test('Node waits for the decoder, and ends after it', async () => {
    const path = await encode(file('alive.mp4'), h264)
    const program = `import { openVideo } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
      let n = 0; for await (const _ of openVideo(${JSON.stringify(path)}, { framesPerSecond: 30 })) n++
      console.log('frames', n)`
    writeFileSync(file('alive.mts'), program)
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', '--conditions=@casa-js/source', file('alive.mts')],
      { cwd: process.cwd() },
    )
    expect(stdout.trim()).toBe('frames 120')
  })

  test('memory does not grow with the length', async () => {
    // Ten minutes, 320 x 240: every second of it is 6.9 MB of rgb.
    const path = file('ten-minutes.mp4')
    const made = spawn('ffmpeg', [
      '-loglevel',
      'error',
      '-y',
      '-f',
      'lavfi',
      '-i',
      'testsrc=size=320x240:rate=30:duration=600',
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-g',
      '250',
      path,
    ])
    await new Promise((resolve) => made.on('close', resolve))
    const used: number[] = []
    let count = 0
    for await (const _ of openVideo(path, { framesPerSecond: 2 })) {
      if (++count % 40 === 0) {
        const { rss } = process.memoryUsage()
        used.push(rss / 1e6)
      }
    }
    expect(count).toBe(1200)
    const [early, late] = [used.slice(6, 12), used.slice(-6)].map((part) => Math.min(...part)) as [number, number]
    // The frames returned are 276 MB, those decoded 2 GB.
    expect(late - early).toBeLessThan(60)
  }, 120_000)
})

describe.skipIf(ffmpegMissing)('vtest.avi of opencv-doc', () => {
  const path = '/usr/share/doc/opencv-doc/examples/data/vtest.avi'
  let missing = false
  try {
    readFileSync(path)
  } catch {
    missing = true
  }
  test.skipIf(missing)('people walking, through ffmpeg', async () => {
    const video = openVideo(path, { from: 30, to: 33, sizePx: 384 })
    expect(await video.info()).toMatchObject({ decoder: 'ffmpeg', codec: 'msmpeg4v3', durationMs: 79_500 })
    const frames: VideoFrame[] = []
    for await (const frame of video) frames.push(frame)
    expect(frames.map(({ timeMs }) => timeMs)).toEqual([30_000, 30_500, 31_000, 31_500, 32_000, 32_500])
    expect([frames[0]!.image.widthPx, frames[0]!.image.heightPx]).toEqual([384, 288])
    // The image moves: no frame equals the one before.
    for (let i = 1; i < frames.length; i++) expect(Buffer.compare(frames[i]!.image.data, frames[i - 1]!.image.data)).not.toBe(0)
  })
})
