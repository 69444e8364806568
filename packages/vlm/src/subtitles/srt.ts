/**
 * SubRip subtitles: parse and format. A cue is a number, "HH:MM:SS,mmm --> HH:MM:SS,mmm", lines of text, an empty line.
 */
import { ArgumentError } from '@casa-js/base'

export interface Cue {
  startMs: number
  endMs: number
  /** May hold line breaks; '' is a cue that shows nothing. */
  text: string
}

/** Hours of any length, a comma or a dot, milliseconds or none: what other tools write is read too. */
const TIME = String.raw`(\d+):(\d{1,2}):(\d{1,2})(?:[,.](\d{1,3}))?`
const TIMES = new RegExp(String.raw`^\s*${TIME}\s*-->\s*${TIME}(?:\s|$)`)

/**
 * Reads SubRip text, also as other tools write it: one-digit hours, dots, no milliseconds, no numbers.
 * @returns the cues in the file's order; numbers of cues are not looked at
 * @throws ArgumentError naming the block, from 1, that has no times
 */
export function parseSrt(srt: string): Cue[] {
  const content = srt
    .replace(/^\uFEFF/, '')
    .replace(/\r\n?/g, '\n')
    .trim()
  if (content === '') return []
  return content.split(/\n(?:[ \t]*\n)+/).map((block, index) => {
    const lines = block.trim().split('\n')
    // Some tools leave the number out.
    const at = TIMES.test(lines[0] ?? '') ? 0 : 1
    const match = TIMES.exec(lines[at] ?? '')
    if (!match) {
      throw new ArgumentError(
        `subtitles: block ${index + 1}: expected a number, then "HH:MM:SS,mmm --> HH:MM:SS,mmm", got ${JSON.stringify(lines.slice(0, 2).join('\n'))}`,
      )
    }
    const [startMs, endMs] = [match.slice(1, 5), match.slice(5, 9)].map(toMs) as [number, number]
    return { startMs, endMs, text: lines.slice(at + 1).join('\n') }
  })
}

/**
 * Cues are numbered from 1. Empty lines within a text, which would end its cue, are left out: beside them `parseSrt` gives the cues back.
 * @throws ArgumentError when a time is below 0 or no number
 */
export function formatSrt(cues: readonly Cue[]): string {
  return (
    cues
      .map(
        ({ startMs, endMs, text }, index) =>
          `${index + 1}\n${formatSrtTime(startMs)} --> ${formatSrtTime(endMs)}\n${withoutEmptyLines(text)}`,
      )
      .join('\n\n') + '\n'
  )
}

/**
 * Milliseconds -> "HH:MM:SS,mmm"; fractions of a millisecond are cut off.
 * @throws ArgumentError when the time is below 0 or no number
 */
export function formatSrtTime(timeMs: number): string {
  return formatTime(timeMs, ',')
}

/** "HH:MM:SS", the separator, "mmm". */
export function formatTime(timeMs: number, separator: ',' | '.'): string {
  if (!(timeMs >= 0 && Number.isFinite(timeMs)))
    throw new ArgumentError(`subtitles: expected a time of at least 0 ms, found ${timeMs}`)
  const whole = Math.floor(timeMs)
  const pad = (value: number, digits: number): string => String(value).padStart(digits, '0')
  const seconds = Math.floor(whole / 1000)
  return `${pad(Math.floor(seconds / 3600), 2)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}${separator}${pad(whole % 1000, 3)}`
}

/** An empty line would end the cue that it stands in. */
export function withoutEmptyLines(text: string): string {
  return text
    .split(/\r\n?|\n/)
    .filter((line) => line.trim() !== '')
    .join('\n')
}

function toMs([hours, minutes, seconds, fraction = '']: (string | undefined)[]): number {
  const ms = Number(fraction.padEnd(3, '0'))
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + ms
}
