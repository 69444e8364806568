/** Caption files: checked before anything is computed, written atomically, and updated periodically. */
import { ArgumentError } from '@casa-js/base'
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { CaptionFlags } from '../commands/caption.ts'
import { claimFile, writeWhole } from '../terminal/outputs.ts'
import { srtOf, textOf, vttOf, type CaptionRecord } from './formats.ts'
import { createSentenceStream } from './sentences.ts'
import { burnSubtitles, createSpeaker, muxSubtitles, requireProgram, subtitleCodecOf } from './programs.ts'

/** The page that this command writes. */
const isReport = /^<!doctype html>[^]*<title>Captions<\/title>/

const texts = { srt: srtOf, vtt: vttOf, txt: textOf }

/** @throws CasaError when an output must not be written, or a program that it needs is missing. */
export async function claimOutputs(videos: readonly string[], flags: CaptionFlags): Promise<void> {
  const { resume = false, force = false } = flags
  // With --resume these files are from the earlier run, and are overwritten.
  const files = [...(resume ? [] : [flags.jsonl, flags.srt, flags.vtt, flags.txt]), flags.burn, flags.mux]
  for (const file of files) if (file !== undefined && file !== '-') await claimFile(file, { force })
  if (flags.report) await claimFile(flags.report, { ours: isReport, force })
  for (const option of ['burn', 'mux'] as const) {
    if (flags[option] === undefined) continue
    requireProgram('ffmpeg', `--${option}`)
    refuseSameFile(videos, flags[option], option)
  }
  if (flags.mux) subtitleCodecOf(flags.mux)
  if (flags.speak) requireProgram('espeak-ng', '--speak')
}

function refuseSameFile(videos: readonly string[], to: string, option: string): void {
  const [video] = videos
  if (videos.length !== 1 || video === undefined || !statSync(video, { throwIfNoEntry: false })?.isFile())
    throw new ArgumentError(`--${option} writes captions into one video file; name one, no folder, camera or stream`)
  if (resolve(video) === resolve(to))
    throw new ArgumentError(`--${option} ${to}: this is the video that is read; choose another name`)
}

export interface Outputs {
  /** Output for each frame: JSON to standard output, and speech. */
  frame(record: CaptionRecord): void
  /** Files of subtitles and text. */
  write(records: readonly CaptionRecord[]): Promise<void>
  writeReport(page: string): Promise<void>
  /** Finishes standard output, and speaks the last sentence. */
  end(records?: readonly CaptionRecord[]): void
}

export function createOutputs(flags: CaptionFlags): Outputs {
  const speaker = flags.speak ? createSpeaker() : undefined
  const sentences = createSentenceStream()
  let last: readonly CaptionRecord[] = []
  return {
    frame(record) {
      if (flags.jsonl === '-') process.stdout.write(`${JSON.stringify(record)}\n`)
      if (speaker) for (const sentence of sentences.push(record.text)) speaker.say(sentence)
    },
    async write(records) {
      last = records
      for (const [name, textOfAll] of Object.entries(texts)) {
        const file = flags[name as keyof typeof texts]
        if (file !== undefined && file !== '-') await writeWhole(file, textOfAll(records, flags.progressive))
      }
    },
    writeReport: (page) => writeWhole(flags.report!, page),
    end() {
      for (const [name, textOfAll] of Object.entries(texts)) {
        if (flags[name as keyof typeof texts] === '-') process.stdout.write(textOfAll(last, flags.progressive))
      }
      const rest = sentences.end()
      if (speaker && rest !== undefined) speaker.say(rest)
    },
  }
}

/** Videos with the captions in them. */
export async function videoOutputs(
  videos: readonly string[],
  records: readonly CaptionRecord[],
  flags: CaptionFlags,
  signal: AbortSignal,
): Promise<void> {
  const srt = srtOf(records, flags.progressive)
  const video = resolve(videos[0] ?? '')
  if (flags.burn) {
    await burnSubtitles(video, srt, flags.burn, signal)
    console.error(`${flags.burn}: the video with its captions drawn in`)
  }
  if (flags.mux) {
    await muxSubtitles(video, srt, flags.mux, signal)
    console.error(`${flags.mux}: the video with a subtitle track`)
  }
}
