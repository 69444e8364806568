/** Files made by ffmpeg, compared with what ffmpeg decodes from them: every frame encodes its number. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { openVideo, VideoError, type VideoEvent, type VideoOptions, type VideoSource } from './index.ts'
import {
  encode,
  expectedNumbers,
  ffmpeg,
  ffmpegMissing,
  framesByFfmpeg,
  h264,
  numberedFrame,
  packetsOf,
  readNumber,
  videoFolder,
  withMatrix,
} from './testing/numbered-videos.ts'

const folder = videoFolder()
const file = (name: string) => join(folder, name)

async function read(source: VideoSource, options: VideoOptions = {}) {
  const frames = []
  for await (const { image, timeMs, durationMs } of openVideo(source, options))
    frames.push({ number: readNumber(image), timeMs, durationMs, sizePx: [image.widthPx, image.heightPx] })
  return frames
}
const numbersAndTimes = (frames: { number: number; timeMs: number }[]) =>
  frames.map(({ number, timeMs }) => [number, Number(timeMs.toFixed(3))])

const kinds: Record<string, { name: string; args: string[]; frames?: number }> = {
  'H.264 with B-frames in mp4': { name: 'h264.mp4', args: h264 },
  'H.264 in mov': { name: 'h264.mov', args: h264 },
  'H.264 in Matroska': { name: 'h264.mkv', args: h264 },
  'H.264 in MPEG-TS': { name: 'h264.ts', args: h264 },
  'H.264 in fragments': { name: 'fragments.mp4', args: [...h264, '-movflags', 'frag_keyframe+empty_moov'] },
  'HEVC with B-frames': {
    name: 'hevc.mp4',
    args: [
      '-c:v',
      'libx265',
      '-preset',
      'ultrafast',
      '-x265-params',
      'log-level=error:keyint=24:bframes=4',
      '-pix_fmt',
      'yuv420p',
      '-tag:v',
      'hvc1',
    ],
  },
  'HEVC of 10 bits': {
    name: 'hevc10.mp4',
    args: ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error', '-pix_fmt', 'yuv420p10le'],
  },
  'VP8 with hidden frames': {
    name: 'vp8.webm',
    args: ['-c:v', 'libvpx', '-b:v', '400k', '-auto-alt-ref', '1', '-lag-in-frames', '16', '-g', '40'],
  },
  VP9: {
    name: 'vp9.webm',
    args: ['-c:v', 'libvpx-vp9', '-b:v', '400k', '-deadline', 'realtime', '-cpu-used', '8', '-g', '40', '-pix_fmt', 'yuv420p'],
  },
  'VP9 with hidden frames': {
    name: 'vp9-alt.webm',
    args: [
      '-c:v',
      'libvpx-vp9',
      '-b:v',
      '400k',
      '-auto-alt-ref',
      '1',
      '-lag-in-frames',
      '16',
      '-cpu-used',
      '5',
      '-g',
      '60',
      '-pix_fmt',
      'yuv420p',
    ],
  },
  AV1: {
    name: 'av1.mp4',
    args: ['-c:v', 'libaom-av1', '-cpu-used', '8', '-usage', 'realtime', '-b:v', '400k', '-g', '30', '-pix_fmt', 'yuv420p'],
    frames: 60,
  },
  'MPEG-4 part 2 in AVI, through ffmpeg': { name: 'mpeg4.avi', args: ['-c:v', 'mpeg4', '-q:v', '3', '-g', '50'] },
}

describe.skipIf(ffmpegMissing)('the frame that a player shows', () => {
  test.each(Object.entries(kinds))('%s', async (_, { name, args, frames: count = 120 }) => {
    const path = await encode(file(name), args, { frames: count })
    const shown = framesByFfmpeg(path)
    const startS = shown[0]!.timeS
    for (const framesPerSecond of [2, 7, 30, 60]) {
      const expected = expectedNumbers(shown, framesPerSecond, startS + count / 30)
      const found = await read(path, { framesPerSecond })
      expect(numbersAndTimes(found), `${framesPerSecond} a second`).toEqual(numbersAndTimes(expected))
      expect(new Set(found.map(({ durationMs }) => durationMs))).toEqual(new Set([1000 / framesPerSecond]))
    }
    for (const [from, to] of [
      [0.5, 1.5],
      [1.21, 1.77],
      [1.9, 60],
    ] as const) {
      const [a, b] = [startS + from, startS + to]
      const expected = expectedNumbers(shown, 4, Math.min(b, startS + count / 30), a)
      expect(numbersAndTimes(await read(path, { framesPerSecond: 4, from: a, to: b })), `from ${from} to ${to}`).toEqual(
        numbersAndTimes(expected),
      )
    }
  })

  test('a Blob and the file that it holds are the same', async () => {
    const path = await encode(file('blob.mp4'), h264)
    expect(await read(new Blob([readFileSync(path)]))).toEqual(await read(path))
  })

  test('groups of pictures that nobody sees are passed over', async () => {
    const path = await encode(file('short-groups.mp4'), [...h264.slice(0, -4), '-g', '6', '-pix_fmt', 'yuv420p'], { frames: 300 })
    const shown = framesByFfmpeg(path)
    expect(numbersAndTimes(await read(path, { framesPerSecond: 0.7 }))).toEqual(numbersAndTimes(expectedNumbers(shown, 0.7, 10)))
  })

  test('open groups of pictures, whose first pictures refer to the group before', async () => {
    const args = [
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-x264-params',
      'open-gop=1:keyint=12:bframes=3:scenecut=0',
      '-pix_fmt',
      'yuv420p',
    ]
    for (const name of ['open.mp4', 'open.mkv']) {
      const path = await encode(file(name), args, { frames: 150 })
      const shown = framesByFfmpeg(path)
      for (const from of [0, 1.3, 2.05, 3.9])
        expect(numbersAndTimes(await read(path, { framesPerSecond: 1.5, from })), `${name} from ${from}`).toEqual(
          numbersAndTimes(expectedNumbers(shown, 1.5, 5, from)),
        )
    }
  })

  test('a variable frame rate', async () => {
    for (const name of ['vfr.mp4', 'vfr.mkv']) {
      const path = await encode(file(name), ['-vf', "setpts='(N*0.04+0.3*sin(N/3)*sin(N/3))/TB'", '-fps_mode', 'vfr', ...h264])
      const shown = framesByFfmpeg(path)
      const endS = shown.at(-1)!.timeS
      for (const framesPerSecond of [2, 10, 25])
        expect(numbersAndTimes(await read(path, { framesPerSecond, to: endS }))).toEqual(
          numbersAndTimes(expectedNumbers(shown, framesPerSecond, endS)),
        )
    }
  })

  test('an edit list: what is cut off in front is not shown', async () => {
    const whole = await encode(file('whole.mp4'), h264)
    ffmpeg('-ss', '1.23', '-i', whole, '-c', 'copy', file('edited.mp4'))
    // ISO 14496-12, 8.6.6: the frame at the entry's media time is shown at 0. (ffmpeg starts with the first complete frame.)
    const cutS = 1.23
    const shown = Array.from({ length: 120 }, (_, number) => ({ number, timeS: number / 30 - cutS }))
    const found = await read(file('edited.mp4'), { framesPerSecond: 7, to: 2.5 })
    expect(numbersAndTimes(found)).toEqual(numbersAndTimes(expectedNumbers(shown, 7, 2.5, 0)))
    expect((await openVideo(file('edited.mp4')).info()).durationMs).toBeCloseTo(4000 - 1230, -1)
  })

  test('turned and mirrored videos stand upright', async () => {
    const turns = {
      90: { matrix: [0, 1, -1, 0], at: (x: number, y: number, w: number) => [y, w - 1 - x] },
      180: { matrix: [-1, 0, 0, -1], at: (x: number, y: number, w: number, h: number) => [w - 1 - x, h - 1 - y] },
      270: { matrix: [0, -1, 1, 0], at: (x: number, y: number, _: number, h: number) => [h - 1 - y, x] },
    } as const
    for (const [turn, { matrix, at }] of Object.entries(turns)) {
      const swapped = turn !== '180'
      const [widthPx, heightPx] = swapped ? [108, 192] : [192, 108]
      // As written by a camera: the image is upright only after rotation.
      const frame = (number: number) => {
        const upright = numberedFrame(number, 192, 108)
        const data = new Uint8Array(upright.data.length)
        for (let y = 0; y < 108; y++)
          for (let x = 0; x < 192; x++) {
            const [toX, toY] = at(x, y, 192, 108) as [number, number]
            data.set(upright.data.subarray((y * 192 + x) * 3, (y * 192 + x) * 3 + 3), (toY * widthPx + toX) * 3)
          }
        return { widthPx, heightPx, data }
      }
      const path = await encode(file(`turned-${turn}.mp4`), h264, { frames: 30, widthPx, heightPx, frame })
      writeFileSync(path, withMatrix(path, matrix))
      const found = await read(path)
      expect(
        found.map(({ number, sizePx }) => [number, ...sizePx]),
        turn,
      ).toEqual([
        [0, 192, 108],
        [15, 192, 108],
      ])
      expect(await openVideo(path).info()).toMatchObject({ widthPx: 192, heightPx: 108 })
    }
  })

  test('pixels that are not square are made square', async () => {
    for (const [aspect, size] of [
      ['2/1', [384, 108]],
      ['1/2', [192, 216]],
    ] as const) {
      for (const name of ['aspect.mp4', 'aspect.avi']) {
        const args = name.endsWith('avi') ? ['-c:v', 'mpeg4', '-q:v', '3'] : h264
        const path = await encode(file(name), ['-vf', `setsar=${aspect}`, ...args], { frames: 31 })
        const found = await read(path)
        expect(
          found.slice(0, 2).map(({ number, sizePx }) => [number, ...sizePx]),
          `${name} ${aspect}`,
        ).toEqual([
          [0, ...size],
          [15, ...size],
        ])
      }
    }
  })

  test('odd sizes, and frames that are made smaller', async () => {
    const odd = await encode(file('odd.webm'), kinds.VP9!.args, { frames: 30, widthPx: 193, heightPx: 109 })
    expect((await read(odd)).map(({ number, sizePx }) => [number, ...sizePx])).toEqual([
      [0, 193, 109],
      [15, 193, 109],
    ])
    expect((await read(odd, { sizePx: 96 })).map(({ number, sizePx }) => [number, ...sizePx])).toEqual([
      [0, 96, 54],
      [15, 96, 54],
    ])
    expect((await read(odd, { sizePx: 4000 }))[0]!.sizePx).toEqual([193, 109])
    const odd444 = await encode(file('odd444.mp4'), ['-c:v', 'libx264', '-pix_fmt', 'yuv444p'], {
      frames: 30,
      widthPx: 191,
      heightPx: 107,
    })
    expect((await read(odd444)).map(({ number, sizePx }) => [number, ...sizePx])).toEqual([
      [0, 191, 107],
      [15, 191, 107],
    ])
  })

  test.each(['yuv420p', 'yuv422p', 'yuv444p'])("colours of %s are ffmpeg's within roundings", async (format) => {
    for (const [space, height] of [
      ['smpte170m', 144],
      ['bt709', 720],
    ] as const) {
      const path = file(`colours-${format}-${space}.mp4`)
      // Large flat areas, so that chroma upsampling does not matter.
      ffmpeg(
        '-f',
        'lavfi',
        '-i',
        `smptebars=size=${height * 2}x${height}:rate=1:duration=1`,
        '-vf',
        `scale=out_color_matrix=${space}:out_range=tv,format=${format}`,
        '-colorspace',
        space,
        '-c:v',
        'libx264',
        '-qp',
        '1',
        path,
      )
      const right = ffmpeg(
        '-i',
        path,
        '-vf',
        `scale=in_color_matrix=${space}:flags=accurate_rnd+full_chroma_int,format=rgb24`,
        '-f',
        'rawvideo',
        '-',
      )
      for await (const { image } of openVideo(path)) {
        // In the middle of the bars, where chroma upsampling does not matter.
        for (let bar = 0; bar < 7; bar++) {
          for (const y of [0.2, 0.5]) {
            const at = (Math.floor(y * height) * height * 2 + Math.floor(((bar + 0.5) / 7) * height * 2)) * 3
            for (let channel = 0; channel < 3; channel++)
              expect(Math.abs(image.data[at + channel]! - right[at + channel]!), `${space} bar ${bar}`).toBeLessThanOrEqual(3)
          }
        }
        break
      }
    }
  })
})

describe.skipIf(ffmpegMissing)('broken files', () => {
  let whole: Record<string, Buffer>
  beforeAll(async () => {
    const make = async (name: string, args: string[]) => readFileSync(await encode(file(name), args))
    whole = {
      'cut.mkv': await make('a.mkv', h264),
      'cut.webm': await make('a.webm', kinds.VP9!.args),
      'cut-fragments.mp4': await make('b.mp4', [...h264, '-movflags', 'frag_keyframe+empty_moov']),
      'cut-index-first.mp4': await make('c.mp4', [...h264, '-movflags', '+faststart']),
      'cut.ts': await make('a.ts', h264),
      'cut.avi': await make('a.avi', kinds['MPEG-4 part 2 in AVI, through ffmpeg']!.args),
    }
  })

  test('of a file that is cut off what can be read is given, and the rest is said', async () => {
    for (const [name, bytes] of Object.entries(whole)) {
      writeFileSync(file(name), bytes)
      const right = expectedNumbers(framesByFfmpeg(file(name)), 30, 10).map(({ number }) => number)
      writeFileSync(file(name), bytes.subarray(0, Math.floor(bytes.length * 0.6)))
      const events: VideoEvent[] = []
      const found = await read(file(name), { framesPerSecond: 30, onEvent: (event) => events.push(event) })
      const numbers = found.map(({ number }) => number)
      expect(numbers.length, name).toBeGreaterThan(40)
      // The last frames may depend on lost data.
      const sure = numbers.length - 8
      expect(numbers.slice(0, sure), name).toEqual(right.slice(0, sure))
      if (name !== 'cut.ts')
        // which has no end of its own
        expect(events, name).toEqual([
          { type: 'damage', message: expect.stringContaining('cut off or damaged'), timeMs: expect.any(Number) },
        ])
    }
  })

  test('a file without its index is refused in words', async () => {
    const path = await encode(file('index-last.mp4'), h264)
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.subarray(0, Math.floor(bytes.length * 0.6)))
    const error = await read(path).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(VideoError)
    expect((error as Error).message).toMatch(/index-last\.mp4: .*(moov|index)/)
  })

  test('garbage in the middle costs its own group of pictures at most', async () => {
    const path = await encode(file('c.mp4'), h264)
    const bytes = readFileSync(path)
    const [, at, size] = /^(\d+),(\d+)$/m.exec(packetsOf(path).split('\n')[44]!)!
    bytes.fill(0xa5, Number(size) + 4, Number(size) + Number(at))
    writeFileSync(file('garbage.mp4'), bytes)
    const events: VideoEvent[] = []
    const numbers = (await read(file('garbage.mp4'), { framesPerSecond: 30, onEvent: (event) => events.push(event) })).map(
      ({ number }) => number,
    )
    expect(numbers).toHaveLength(120)
    expect(numbers.slice(0, 30)).toEqual(Array.from({ length: 30 }, (_, i) => i))
    expect(numbers.slice(60)).toEqual(Array.from({ length: 60 }, (_, i) => 60 + i))
    expect(events.length).toBeLessThanOrEqual(1)
  })

  test('what is no video says so', async () => {
    const refusal = async (source: VideoSource) => ((await read(source).catch((e: unknown) => e)) as Error).message
    writeFileSync(file('text.mp4'), 'hello, this is no video at all, though it is called one')
    expect(await refusal(file('text.mp4'))).toMatch(/text\.mp4: /)
    expect(await refusal(file('absent.mp4'))).toContain('there is no such file or folder')
    ffmpeg('-f', 'lavfi', '-i', 'sine=duration=1', file('sound.mp4'))
    expect(await refusal(file('sound.mp4'))).toContain('there is no video in it, only sound')
    const mpeg4 = await encode(file('mpeg4.mp4'), ['-c:v', 'mpeg4', '-q:v', '3'], { frames: 20 })
    // A Blob has no path that ffmpeg could open.
    expect(await refusal(new Blob([readFileSync(mpeg4)]))).toMatch(
      /cannot be decoded: its codec .* is not among AVC, HEVC, VP8, VP9 and AV1\. Save it as a file, or convert it/,
    )
    expect((await read(mpeg4)).map(({ number }) => number)).toEqual([0, 15])
    expect(await refusal('/dev/zero')).toContain('this is a device or a socket')
  })
})
