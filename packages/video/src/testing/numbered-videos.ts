/**
 * Test videos, made by ffmpeg from frames that encode their number: twelve bands, one per bit, between a white edge at the top and a
 * black one at the bottom, so that a rotated or mirrored frame cannot be read.
 */
import type { RgbImage } from '@casa-js/base'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VideoError } from '../errors.ts'

const bits = 12

export const ffmpegMissing = spawnSync('ffmpeg', ['-version']).status === 0 ? undefined : 'ffmpeg is not installed'

/** A folder for the videos of one test file. */
export const videoFolder = () => mkdtempSync(join(tmpdir(), 'casa-video-'))

/** An image that encodes `number`. */
export function numberedFrame(number: number, widthPx: number, heightPx: number): RgbImage {
  const row = (byteOf: (x: number) => number) => Uint8Array.from({ length: widthPx * 3 }, (_, i) => byteOf(Math.floor(i / 3)))
  const rows = {
    top: row(() => 235),
    middle: row((x) => ((number >> Math.floor((x * bits) / widthPx)) & 1 ? 220 : 30)),
    bottom: row(() => 16),
  }
  const data = new Uint8Array(widthPx * heightPx * 3)
  for (let y = 0; y < heightPx; y++) {
    const part = y < heightPx / 4 ? rows.top : y < (heightPx * 3) / 4 ? rows.middle : rows.bottom
    data.set(part, y * widthPx * 3)
  }
  return { widthPx, heightPx, data }
}

/** The number encoded in an image, or -1 if it is not upright. */
export function readNumber({ widthPx, heightPx, data }: RgbImage): number {
  const green = (x: number, y: number) => data[(Math.floor(y * heightPx) * widthPx + Math.floor(x * widthPx)) * 3 + 1]!
  for (const x of [0.1, 0.5, 0.9]) if (green(x, 0.1) < 150 || green(x, 0.9) > 100) return -1
  let number = 0
  for (let bit = 0; bit < bits; bit++) if (green((bit + 0.5) / bits, 0.5) > 128) number |= 1 << bit
  return number
}

export interface Recipe {
  frames?: number
  framesPerSecond?: number
  widthPx?: number
  heightPx?: number
  /** Instead of `numberedFrame`. */
  frame?: (number: number, widthPx: number, heightPx: number) => RgbImage
}

/** Encode numbered frames with the given arguments of ffmpeg. */
export async function encode(path: string, args: readonly string[], recipe: Recipe = {}): Promise<string> {
  const { frames = 120, framesPerSecond = 30, widthPx = 192, heightPx = 108, frame = numberedFrame } = recipe
  const input = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${widthPx}x${heightPx}`, '-r', String(framesPerSecond), '-i', '-']
  const child = spawn('ffmpeg', ['-loglevel', 'error', '-y', ...input, ...args, path], { stdio: ['pipe', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (text) => (said += text))
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve))
  for (let number = 0; number < frames; number++) {
    if (!child.stdin.write(frame(number, widthPx, heightPx).data))
      await new Promise((resolve) => child.stdin.once('drain', resolve))
  }
  child.stdin.end()
  const code = await closed
  if (code !== 0) throw new VideoError(`ffmpeg ${args.join(' ')}: ${said}`)
  return path
}

export const h264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '3', '-g', '30', '-pix_fmt', 'yuv420p']

export const ffmpeg = (...args: string[]) => execFileSync('ffmpeg', ['-loglevel', 'error', '-y', ...args], { maxBuffer: 1 << 30 })

/** What ffmpeg decodes from a file: the number and time of every frame, after edit lists. */
export function framesByFfmpeg(path: string): { number: number; timeS: number }[] {
  const list = execFileSync(
    'ffprobe',
    ['-v', 'error', '-select_streams', 'v:0', '-show_entries', 'frame=pts:stream=time_base', '-of', 'json', path],
    { encoding: 'utf8', maxBuffer: 1 << 28 },
  )
  const { frames, streams } = JSON.parse(list) as { frames: { pts: number }[]; streams: { time_base: string }[] }
  const [numerator, denominator] = streams[0]!.time_base.split('/').map(Number) as [number, number]
  const times = frames.map(({ pts }) => (pts * numerator) / denominator)
  const pixels = execFileSync(
    'ffmpeg',
    ['-loglevel', 'error', '-i', path, '-fps_mode', 'passthrough', '-pix_fmt', 'rgb24', '-f', 'image2pipe', '-c:v', 'ppm', '-'],
    {
      maxBuffer: 1 << 30,
    },
  )
  const numbers: number[] = []
  for (let at = 0; at < pixels.length;) {
    const header = /^P6\n(\d+) (\d+)\n255\n/.exec(pixels.toString('latin1', at, at + 40))!
    const [widthPx, heightPx] = [Number(header[1]), Number(header[2])]
    const start = at + header[0].length
    at = start + widthPx * heightPx * 3
    numbers.push(readNumber({ widthPx, heightPx, data: pixels.subarray(start, at) }))
  }
  if (numbers.length !== times.length) throw new VideoError(`${path}: ${numbers.length} frames and ${times.length} times`)
  return numbers.map((number, i) => ({ number, timeS: times[i]! }))
}

/** What a player shows at every 1 / framesPerSecond in [from, to): the last frame that has started. */
export function expectedNumbers(
  frames: { number: number; timeS: number }[],
  framesPerSecond: number,
  endS: number,
  from = Math.max(0, frames[0]!.timeS),
): { number: number; timeMs: number }[] {
  const expected = []
  for (let index = 0; from + index / framesPerSecond < endS - 1e-6; index++) {
    const timeS = from + index / framesPerSecond
    const shown = frames.filter((frame) => frame.timeS <= timeS + 1e-6).at(-1)
    if (shown) expected.push({ number: shown.number, timeMs: timeS * 1000 })
  }
  return expected
}

/** Set the matrix of an mp4's video track (ISO 14496-12, 8.3.2: tkhd), e.g. to rotate it. */
export function withMatrix(path: string, matrix: readonly [a: number, b: number, c: number, d: number]): Buffer {
  const file = readFileSync(path)
  const at = file.indexOf('tkhd') + 4
  const start = at + (file[at] === 1 ? 52 : 40)
  const one = 0x10000
  const values = [matrix[0] * one, matrix[1] * one, 0, matrix[2] * one, matrix[3] * one, 0, 0, 0, 0x40000000]
  values.forEach((value, i) => file.writeInt32BE(value, start + 4 * i))
  return file
}

/** Size and position of every packet in the file, as lines "size,position". */
export const packetsOf = (path: string) =>
  execFileSync('ffprobe', ['-v', 'error', '-select_streams', 'v:0', '-show_entries', 'packet=size,pos', '-of', 'csv=p=0', path], {
    encoding: 'utf8',
  })
