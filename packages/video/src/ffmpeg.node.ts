/**
 * Runs the ffmpeg program for what WebCodecs cannot do in Node: other containers and codecs (AVI, MPEG-4 part 2), cameras, screens and
 * network streams. It selects frames by the same rule as grid.ts: at each time, the last one that has started.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { VideoError } from './errors.ts'
import { orient, upright } from './orient.ts'
import { readPpm } from './ppm.ts'
import type { FrameReel, ReelOptions } from './reel.ts'
import type { VideoFrame, VideoInfo } from './types.ts'

export const installFfmpeg = 'Install ffmpeg (`apt-get install ffmpeg`, `brew install ffmpeg`)'

const programs = { ffmpeg: process.env.FFMPEG ?? 'ffmpeg', ffprobe: process.env.FFPROBE ?? 'ffprobe' }

/** Seconds read before `from`, to include the frame that is shown at `from`. */
const leadS = 10

let available: Promise<boolean> | undefined

/** Whether ffmpeg is installed: in the PATH, or at the path in the variable FFMPEG. */
export function hasFfmpeg(): Promise<boolean> {
  available ??= new Promise((resolve) => {
    const child = spawn(programs.ffmpeg, ['-version'], { stdio: 'ignore' })
    child.on('error', () => resolve(false))
    child.on('close', (code) => resolve(code === 0))
  })
  return available
}

interface Input {
  /** Arguments up to and including the input. */
  input: readonly string[]
  live: boolean
}

/** Arguments that open a camera on this system. */
export const cameraInput = (device: string | undefined, platform: string = process.platform): readonly string[] =>
  platform === 'darwin'
    ? ['-f', 'avfoundation', '-framerate', '30', '-i', device ?? '0']
    : platform === 'win32'
      ? ['-f', 'dshow', '-i', `video=${device ?? 'Integrated Camera'}`]
      : ['-f', 'v4l2', '-i', device ?? '/dev/video0']

/** Arguments that open the screen of this system. */
export const screenInput = (platform: string = process.platform): readonly string[] =>
  platform === 'darwin'
    ? ['-f', 'avfoundation', '-i', 'Capture screen 0']
    : platform === 'win32'
      ? ['-f', 'gdigrab', '-i', 'desktop']
      : ['-f', 'x11grab', '-i', process.env.DISPLAY ?? ':0']

/**
 * Frames of any input that ffmpeg can open.
 * @throws VideoError when ffmpeg is missing, or finds no video.
 */
export async function openWithFfmpeg({ input, live }: Input, options: ReelOptions): Promise<FrameReel> {
  const { name, framesPerSecond, sizePx, maxPixels, signal, tell, from = 0, to = Infinity } = options
  if (!(await hasFfmpeg())) throw new VideoError(`${name}: needs ffmpeg, which is not installed. ${installFfmpeg}`)
  const known = live ? {} : await probe(input)
  const children = new Set<ChildProcess>()
  const kill = () => children.forEach((child) => child.kill('SIGKILL'))
  signal.addEventListener('abort', kill, { once: true })

  async function* frames(): AsyncGenerator<VideoFrame> {
    const skipS = live ? 0 : Math.max(0, from - leadS)
    const child = spawn(programs.ffmpeg, argumentsOf(input, skipS, live ? 0 : from - skipS, framesPerSecond, live), {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    children.add(child)
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)))
    const closed = new Promise<number | null>((resolve) => child.on('close', resolve).on('error', () => resolve(null)))
    let index = 0
    const timeMs = () => (live ? index / framesPerSecond : from + index / framesPerSecond) * 1000
    try {
      for await (const image of readPpm(child.stdout, maxPixels, name)) {
        signal.throwIfAborted()
        if (timeMs() >= to * 1000 - 1e-3) return
        if (!live || timeMs() >= from * 1000)
          yield { image: orient(image, upright, sizePx), timeMs: timeMs(), durationMs: 1000 / framesPerSecond }
        index++
      }
      const code = await closed
      signal.throwIfAborted()
      const message = firstLine(said)
      const isPast = !live && from > 0 && code === 0
      if (index === 0 && !isPast) throw new VideoError(`${name}: ffmpeg gives no frame of it: ${message || `exit code ${code}`}`)
      if (code !== 0 || message)
        tell({ type: 'damage', message: `cut off or damaged: ${message || `exit code ${code}`}`, timeMs: timeMs() })
    } finally {
      child.kill('SIGKILL')
      children.delete(child)
    }
  }

  return {
    info: { startMs: 0, decoder: 'ffmpeg', live, ...known },
    frames,
    realTime: live,
    close() {
      signal.removeEventListener('abort', kill)
      kill()
    },
  }
}

function argumentsOf(input: readonly string[], skipS: number, offsetS: number, framesPerSecond: number, live: boolean): string[] {
  const filters = [
    // Time 0 is the first requested frame, minus one microsecond because timestamps are rounded.
    'settb=AVTB',
    live ? 'setpts=PTS-STARTPTS' : `setpts=PTS-(${offsetS})/TB-1`,
    // Rounding up gives each time the last frame that has started.
    `fps=fps=${framesPerSecond}:start_time=0:round=up`,
    "scale=w='max(1,round(iw*max(1,sar)))':h='max(1,round(ih*max(1,1/sar)))':flags=bicubic",
    'setsar=1',
  ]
  const seek = skipS > 0 ? ['-ss', String(skipS)] : []
  const output = [
    '-an',
    '-sn',
    '-dn',
    '-map',
    '0:v:0',
    '-fps_mode',
    'passthrough',
    '-f',
    'image2pipe',
    '-c:v',
    'ppm',
    '-pix_fmt',
    'rgb24',
  ]
  return ['-hide_banner', '-nostdin', '-loglevel', 'error', ...seek, ...input, '-vf', filters.join(','), ...output, 'pipe:1']
}

const firstLine = (text: string) =>
  text
    .split('\n')
    .find((line) => line.trim() !== '')
    ?.trim() ?? ''

/** What ffprobe reports about a file, if it is installed and can read it. */
async function probe(input: readonly string[]): Promise<Partial<VideoInfo>> {
  const target = input.at(-1)!
  const fields = 'stream=codec_name,width,height:format=duration'
  const child = spawn(programs.ffprobe, ['-v', 'error', '-select_streams', 'v:0', '-show_entries', fields, '-of', 'json', target])
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
  await new Promise((resolve) => child.on('close', resolve).on('error', resolve))
  try {
    const { streams, format } = JSON.parse(text) as { streams?: { codec_name?: string }[]; format?: { duration?: string } }
    const codec = streams?.[0]?.codec_name
    const durationS = Number(format?.duration)
    return { ...(codec && { codec }), ...(durationS > 0 && { durationMs: durationS * 1000 }) }
  } catch {
    return {}
  }
}
