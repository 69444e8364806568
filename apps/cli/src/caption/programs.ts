/** External programs, used if installed: ffmpeg for `--burn` and `--mux`, espeak-ng for `--speak`. */
import { CasaError, FileError } from '@casa-js/base'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, extname, join, resolve } from 'node:path'

const packages: Record<string, string> = { ffmpeg: 'ffmpeg', 'espeak-ng': 'espeak-ng' }

/** @throws CasaError saying what to install for which option, if the program is missing. */
export function requireProgram(name: string, option: string): void {
  const { error } = spawnSync(name, ['--version'], { stdio: 'ignore' })
  if (!error) return
  throw new CasaError(
    `${option} needs the program ${name}, which is not installed (Debian: apt install ${packages[name]}; macOS: brew install ${packages[name]})`,
  )
}

/** Codecs of subtitle tracks, by the container's extension. */
const subtitleCodecs: Record<string, string> = {
  '.mp4': 'mov_text',
  '.m4v': 'mov_text',
  '.mov': 'mov_text',
  '.mkv': 'srt',
  '.webm': 'webvtt',
}

/** @throws FileError when a container of this name cannot hold a subtitle track. */
export function subtitleCodecOf(path: string): string {
  const codec = subtitleCodecs[extname(path).toLowerCase()]
  if (codec) return codec
  throw new FileError(path, `a subtitle track goes into ${Object.keys(subtitleCodecs).join(', ')}; choose another ending`)
}

/** Draws subtitles into every frame of a video; its sound is kept as it is. */
export const burnSubtitles = (video: string, srt: string, to: string, signal: AbortSignal): Promise<void> =>
  // A plain file name, with ffmpeg started in its folder, because the filter has its own path escaping.
  writeWithFfmpeg(srt, to, signal, () => ['-i', video, '-vf', 'subtitles=captions.srt', '-c:a', 'copy'])

/** Adds a subtitle track to a video; picture and sound are copied. */
export const muxSubtitles = (video: string, srt: string, to: string, signal: AbortSignal): Promise<void> =>
  writeWithFfmpeg(srt, to, signal, (srtFile) => [
    ...['-i', video, '-i', srtFile, '-map', '0:v', '-map', '0:a?', '-map', '1:0', '-c', 'copy'],
    ...['-c:s', subtitleCodecOf(to)],
  ])

async function writeWithFfmpeg(srt: string, to: string, signal: AbortSignal, args: (srtFile: string) => string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'casa-subtitles-'))
  const temporary = join(dirname(resolve(to)), `.${randomBytes(4).toString('hex')}.tmp${extname(to)}`)
  try {
    const srtFile = join(folder, 'captions.srt')
    await writeFile(srtFile, srt)
    await runFfmpeg([...args(srtFile), '-y', temporary], folder, to, signal)
    await rename(temporary, to)
  } finally {
    await rm(folder, { recursive: true, force: true })
    await rm(temporary, { force: true })
  }
}

function runFfmpeg(args: string[], cwd: string, to: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-nostdin', ...args], {
      cwd,
      stdio: ['ignore', 'ignore', 'pipe'],
      signal,
    })
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    child.on('error', (error) => reject(signal.aborted ? (signal.reason as Error) : error))
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new FileError(to, `ffmpeg ended with ${code}: ${said.trim().split('\n').at(-1) ?? ''}`)),
    )
  })
}

export interface Speaker {
  /** Speaks a sentence, interrupting the current one. */
  say(sentence: string): void
  /** Resolves when the last sentence has been spoken. */
  end(): Promise<void>
  stop(): void
}

/** Text-to-speech on this machine. */
export function createSpeaker(): Speaker {
  let speaking: ChildProcess | undefined
  const stop = () => void speaking?.kill()
  return {
    say(sentence) {
      stop()
      speaking = spawn('espeak-ng', ['--', sentence], { stdio: 'ignore' })
      speaking.on('error', () => {})
    },
    end: () =>
      new Promise((resolve) => {
        if (!speaking || speaking.exitCode !== null || speaking.signalCode !== null) return resolve()
        speaking.on('close', () => resolve())
      }),
    stop,
  }
}
