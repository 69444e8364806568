/** `casa caption` over a folder of pictures and over animations, with a model that generates random text. */
import { encodePng } from '@casa-js/vision'
import { parseSrt } from '@casa-js/vlm'
import { Command } from 'commander'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { writeTinyModel } from '../fixtures/tiny-model.ts'
import { register } from './caption.ts'

const greys = [10, 60, 110, 160]
const [width, height] = [16, 8]
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'casa-caption-'))
  await writeTinyModel(join(folder, 'model'))
  mkdirSync(join(folder, 'frames'))
  for (const [i, grey] of greys.entries()) {
    // 8.png to 11.png: by name as text, 10 would come first.
    const image = { widthPx: width, heightPx: height, data: new Uint8Array(width * height * 3).fill(grey) }
    writeFileSync(join(folder, 'frames', `${i + 8}.png`), await encodePng(image))
  }
  writeFileSync(join(folder, 'frames', 'notes.txt'), 'no picture')
  const pages = Uint8Array.from(
    { length: greys.length * width * height * 3 },
    (_, i) => greys[Math.floor(i / (width * height * 3))]!,
  )
  const animation = () => sharp(pages, { raw: { width, height: height * greys.length, channels: 3, pageHeight: height } })
  writeFileSync(
    join(folder, 'clip.webp'),
    await animation()
      .webp({ lossless: true, delay: [100, 300, 500, 100] })
      .toBuffer(),
  )
  writeFileSync(
    join(folder, 'clip.gif'),
    await animation()
      .gif({ delay: [100, 300, 500, 100] })
      .toBuffer(),
  )
  mkdirSync(join(folder, 'empty'))
})
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => vi.restoreAllMocks())

/** Runs `casa caption` and returns its output. */
async function casaCaption(...args: string[]): Promise<string> {
  const printed: string[] = []
  vi.spyOn(console, 'error').mockReturnValue()
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0)
  const program = new Command().exitOverride()
  register(program)
  await program.parseAsync([
    'node',
    'casa',
    'caption',
    ...args,
    '--model',
    join(folder, 'model'),
    '--device',
    'cpu',
    '--max-tokens',
    '2',
  ])
  vi.restoreAllMocks()
  return printed.join('')
}

const jsonOf = (file: string) =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

test('writes a line per frame, subtitles, text and a report, and prints what is said with its time', async () => {
  const file = (name: string) => join(folder, name)
  const outputs = ['jsonl', 'srt', 'vtt', 'txt'].flatMap((kind) => [`--${kind}`, file(`out.${kind}`)])
  const printed = await casaCaption(file('frames'), ...outputs, '--report', file('report.html'), '--prefix', 'Now')
  const lines = jsonOf(file('out.jsonl'))
  expect(lines.map(({ start_ms, end_ms }) => [start_ms, end_ms])).toEqual([
    [0, 500],
    [500, 1000],
    [1000, 1500],
    [1500, 2000],
  ])
  for (const line of lines) {
    expect(line.tokens).toBeGreaterThan(0)
    expect(line.time_to_first_token_ms).toBeLessThanOrEqual(line.elapsed_ms)
  }
  expect(new Set(lines.slice(1).map(({ memory_bytes }) => memory_bytes)).size, 'memory is the same after every frame').toBe(1)
  expect(printed).toMatch(/^0:00\.0  Now/)
  expect(readFileSync(file('out.txt'), 'utf8')).toBe(printed)
  expect(parseSrt(readFileSync(file('out.srt'), 'utf8'))[0]).toMatchObject({ startMs: 0, text: expect.stringContaining('Now') })
  expect(readFileSync(file('out.vtt'), 'utf8')).toMatch(/^WEBVTT\n\n00:00:00\.000 --> 00:0.*\nNow/)
  const page = readFileSync(file('report.html'), 'utf8')
  expect(page.match(/<svg /g)!.length).toBeGreaterThanOrEqual(3)
  expect(page).toContain('data:image/png;base64,')
  expect(existsSync(file('out.jsonl.state')), 'nothing to go on with').toBe(false)

  const text = readFileSync(file('out.txt'), 'utf8')
  await expect(casaCaption(file('frames'), '--txt', file('out.txt'))).rejects.toThrow('out.txt: this file is there already')
  expect(readFileSync(file('out.txt'), 'utf8')).toBe(text)
})

test('takes animations, a part of a video, and goes on where it was stopped', async () => {
  for (const clip of ['clip.webp', 'clip.gif']) {
    const printed = await casaCaption(join(folder, clip), '--jsonl', '-', '--temperature', '0')
    const lines = printed.trimEnd().split('\n')
    expect(
      lines.map((line) => JSON.parse(line).start_ms),
      clip,
    ).toEqual([0, 500])
  }
  const jsonl = join(folder, 'part.jsonl')
  await casaCaption(join(folder, 'frames'), '--jsonl', jsonl, '--from', '0.5', '--to', '1.5')
  expect(jsonOf(jsonl).map(({ start_ms }) => start_ms)).toEqual([500, 1000])
  await expect(casaCaption(join(folder, 'frames'), '--jsonl', jsonl, '--resume')).rejects.toThrow('so these captions ended')
})

const hasFfmpeg = !spawnSync('ffmpeg', ['-version'], { stdio: 'ignore' }).error
const streamsOf = (file: string) =>
  execFileSync('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_type', '-of', 'csv=p=0', file])
    .toString()
    .trim()
    .split('\n')

test.skipIf(!hasFfmpeg)('puts captions into a video: drawn, and as a track; its sound stays', async () => {
  const [film, burned, muxed] = ['film.mp4', 'burned.mp4', 'muxed.mkv'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  const source = ['-f', 'lavfi', '-i', 'testsrc2=size=64x64:rate=10:duration=2', '-f', 'lavfi', '-i', 'sine=duration=2']
  execFileSync('ffmpeg', ['-v', 'error', ...source, '-pix_fmt', 'yuv420p', '-shortest', film])
  const printed = await casaCaption(film, '--burn', burned, '--mux', muxed, '--prefix', 'Now')
  expect(printed).toMatch(/^0:00\.0  Now/)
  expect(streamsOf(burned)).toEqual(['video', 'audio'])
  expect(streamsOf(muxed)).toEqual(['video', 'audio', 'subtitle'])
  const track = execFileSync('ffmpeg', ['-v', 'error', '-i', muxed, '-map', '0:s', '-f', 'srt', '-']).toString()
  // The container may start slightly earlier because of audio priming; the picture shifts with it.
  const [cue] = parseSrt(track)
  expect(cue!.startMs).toBeLessThan(50)
  expect(cue!.text).toContain('Now')
  expect(readdirSync(folder).filter((name) => name.includes('.tmp'))).toEqual([])
  await expect(casaCaption(film, '--burn', film, '--force')).rejects.toThrow('this is the video that is read')
  await expect(casaCaption(join(folder, 'frames'), '--mux', join(folder, 'no.mp4'))).rejects.toThrow('into one video file')
})

test.skipIf(!hasFfmpeg)('captions a device that ffmpeg opens, live: frames at their times, dropped ones counted', async () => {
  const jsonl = join(folder, 'device.jsonl')
  const device = 'testsrc2=size=64x48:rate=30:duration=2,realtime'
  await casaCaption(device, '--input-format', 'lavfi', '--fps', '4', '--jsonl', jsonl)
  const lines = jsonOf(jsonl)
  const starts: number[] = lines.map(({ start_ms }) => start_ms)
  expect(starts.at(-1), 'the newest frame is never dropped').toBe(1750)
  expect(starts.every((start, i) => start % 250 === 0 && start > (starts[i - 1] ?? -1))).toBe(true)
  const dropped = lines.reduce((sum: number, line: { dropped: number }) => sum + line.dropped, 0)
  expect(lines.length + dropped, 'every frame is captioned or counted').toBe(8)
  await expect(casaCaption('nowhere', '--input-format', 'lavfi')).rejects.toThrow(/nowhere: ffmpeg gives no frame of it: /)
  await expect(casaCaption('/dev/null', '--input-format', 'v4l2')).rejects.toThrow(/dev.null: ffmpeg gives no frame of it: /)
  await expect(casaCaption('one', 'two', '--input-format', 'lavfi')).rejects.toThrow('--input-format: expected one device')
})

test('refuses what cannot be done before it computes anything', async () => {
  const frames = join(folder, 'frames')
  await expect(casaCaption(frames, '--fps', 'x')).rejects.toThrow(/--fps <n>.*Expected a number, from 0.001 to 240/)
  await expect(casaCaption(join(folder, 'empty'))).rejects.toThrow('no picture')
  await expect(casaCaption(frames, '--resume')).rejects.toThrow('name it with --jsonl')
  await expect(casaCaption(frames, '--srt', '-', '--vtt', '-')).rejects.toThrow('--srt and --vtt: only one of them')
  await expect(casaCaption(join(folder, 'none.mp4'))).rejects.toThrow('none.mp4')
  writeFileSync(join(folder, 'kept.jsonl'), 'mine')
  const kept = ['--jsonl', join(folder, 'kept.jsonl')]
  await expect(casaCaption(join(folder, 'none.mp4'), ...kept, '--force')).rejects.toThrow('none.mp4')
  expect(readFileSync(join(folder, 'kept.jsonl'), 'utf8'), 'a video that is not there costs no file').toBe('mine')
})
