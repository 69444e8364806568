/** `casa caption`: captions a video as it plays, frame by frame. */
import { ArgumentError } from '@casa-js/base'
import type { Command } from 'commander'
import { deviceOption, verboseOption, type DeviceFlags } from '../device.ts'
import { baseOption, modelOption, seedOption, weightsOption, type BaseFlag, type WeightsChoice } from '../model-options.ts'
import { decimal, mostTokens, wholeNumber } from '../terminal/numbers.ts'

export interface CaptionFlags extends DeviceFlags, BaseFlag {
  model: string
  fps?: number
  size?: number
  from?: number
  to?: number
  live?: boolean
  follow?: boolean
  inputFormat?: string
  prompt?: string
  prefix?: string
  maxTokens?: number
  temperature?: number
  seed: number
  capacity?: number
  weights: WeightsChoice
  jsonl?: string
  srt?: string
  vtt?: string
  txt?: string
  progressive?: boolean
  report?: string
  burn?: string
  mux?: string
  speak?: boolean
  resume?: boolean
  force?: boolean
}

export function register(program: Command): void {
  program
    .command('caption')
    .description('caption a video as it plays, in memory that does not grow with its length')
    .argument(
      '<video...>',
      'video files, animations, folders of pictures, addresses, cameras (/dev/video0), or - for standard input',
    )
    .addOption(modelOption())
    .option('--fps <n>', 'frames per second that are looked at (default: as the model was trained, else 2)', decimal(0.001, 240))
    .option('--size <px>', 'shrink frames until their longer side has this many pixels', wholeNumber(8, 10_000))
    .option('--from <s>', 'begin at this second of the video', decimal(0, 1e7))
    .option('--to <s>', 'end at this second', decimal(0, 1e7))
    .option('--live', 'keep up: a frame has 1 / fps of time, and the newest frame is taken (as for cameras and streams)')
    .option('--follow', 'a file that is still being written: wait for more')
    .option(
      '--input-format <name>',
      "the video is a device of this kind of ffmpeg's, live: v4l2, x11grab, avfoundation, dshow, lavfi (needs ffmpeg)",
    )
    .option('--prompt <text>', 'what is asked before the first frame')
    .option('--prefix <text>', 'what the captions begin with (default: as the model was trained, else "In this video")')
    .option('--max-tokens <n>', 'most tokens per frame (default: as the model was trained, else 20)', wholeNumber(1, mostTokens))
    .option(
      '--temperature <t>',
      '0 takes the likeliest token each time (default: as the model was trained, else 0.4)',
      decimal(0, 100),
    )
    .addOption(seedOption('seed of the sampling').default(0))
    .option(
      '--capacity <tokens>',
      'text that is remembered; beyond it the oldest is forgotten (default: as the model was trained, else 4096)',
      wholeNumber(16, mostTokens),
    )
    .option('--jsonl <file>', 'one JSON document per frame: times, tokens, text, lag, memory; - for standard output')
    .option('--srt <file>', 'subtitles; - for standard output')
    .option('--vtt <file>', 'subtitles as WebVTT; - for standard output')
    .option('--txt <file>', 'times and text, as on the screen')
    .option('--progressive', 'subtitles that grow as the words came')
    .option('--report <file>', 'HTML: frames beside captions, pace, tokens, memory')
    .option('--burn <file>', 'a video with the captions drawn in, its sound kept (needs ffmpeg)')
    .option('--mux <file>', 'a video with the captions as a subtitle track (needs ffmpeg)')
    .option('--speak', 'say whole sentences aloud; the next one cuts off the one before (needs espeak-ng)')
    .option('--resume', 'go on after an interruption or a kill: needs --jsonl and the same video, model and --fps')
    .option('--force', 'replace files that are there')
    .addOption(baseOption())
    .addOption(weightsOption())
    .addOption(deviceOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      `
Examples:
  casa caption film.mp4 --srt film.srt                 captions on the screen, and subtitles
  casa caption film.mp4 --burn captioned.mp4           a video to show
  casa caption film.mp4 --jsonl film.jsonl --resume    go on after a power cut
  casa caption frames/ --fps 4 --report report.html    a folder of pictures, in the order of their names
  casa caption /dev/video0 --speak                     a camera, aloud
  casa caption :0 --input-format x11grab               the screen, under X11
  casa caption 0 --input-format avfoundation           the first camera of a Mac`,
    )
    .action(async (videos: string[], flags: CaptionFlags) => (await import('../caption/run.ts')).captionVideos(videos, flags))
}

/** Outputs that cannot share standard output. @throws ArgumentError naming them. */
export function checkStandardOutput(flags: CaptionFlags): void {
  const taken = (['jsonl', 'srt', 'vtt', 'txt'] as const).filter((name) => flags[name] === '-')
  if (taken.length > 1) throw new ArgumentError(`--${taken.join(' and --')}: only one of them can go to standard output`)
}
