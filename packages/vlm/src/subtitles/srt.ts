/**
 * SubRip subtitles: parse and format. A cue is a number, "HH:MM:SS,mmm --> HH:MM:SS,mmm", lines of text, an empty line.
 */
import { CasaError } from '@casa-js/base'

export interface Cue {
  startMs: number
  endMs: number
  /** May hold line breaks; '' is a cue that shows nothing. */
  text: string
}

const TIMES = /^(\d{2,}):(\d{2}):(\d{2}),(\d{3})\s*-->\s*(\d{2,}):(\d{2}):(\d{2}),(\d{3})/

/** @throws CasaError naming the block, from 1, that has no times */
export function parseSrt(srt: string): Cue[] {
  const content = srt
    .replace(/^\uFEFF/, '')
    .replace(/\r\n?/g, '\n')
    .trim()
  if (content === '') return []
  return content.split(/\n\n+/).map((block, index) => {
    const lines = block.trim().split('\n')
    const match = TIMES.exec(lines[1] ?? '')
    if (!match) {
      throw new CasaError(
        `subtitles: block ${index + 1}: expected a number, then "HH:MM:SS,mmm --> HH:MM:SS,mmm", got ${JSON.stringify(lines.slice(0, 2).join('\n'))}`,
      )
    }
    const [startMs, endMs] = [match.slice(1, 5), match.slice(5, 9)].map(toMs) as [number, number]
    return { startMs, endMs, text: lines.slice(2).join('\n') }
  })
}

/** Cues are numbered from 1. The text of `parseSrt(formatSrt(cues))` is that of the cues, but for empty lines within a text. */
export function formatSrt(cues: readonly Cue[]): string {
  return (
    cues
      .map(({ startMs, endMs, text }, index) => `${index + 1}\n${formatSrtTime(startMs)} --> ${formatSrtTime(endMs)}\n${text}`)
      .join('\n\n') + '\n'
  )
}

/** Milliseconds -> "HH:MM:SS,mmm"; fractions of a millisecond are cut off. */
export function formatSrtTime(timeMs: number): string {
  const whole = Math.floor(timeMs)
  const pad = (value: number, digits: number): string => String(value).padStart(digits, '0')
  const seconds = Math.floor(whole / 1000)
  return `${pad(Math.floor(seconds / 3600), 2)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)},${pad(whole % 1000, 3)}`
}

function toMs([hours, minutes, seconds, ms]: string[]): number {
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + Number(ms)
}
