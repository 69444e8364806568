/** Captions as files: one JSON document per frame, subtitles, plain text. */
import { formatSrt, formatVtt, progressiveCues, type CaptionedFrame, type Cue } from '@casa-js/vlm'

/** A line of the JSONL file. Times in milliseconds. */
export interface CaptionRecord {
  start_ms: number
  end_ms: number
  time_to_first_token_ms: number
  elapsed_ms: number
  /** Lag behind the video when this frame was captioned; negative: ahead of it. */
  lag_ms: number
  /** Frames dropped before this one. */
  dropped: number
  tokens: number
  text: string
  end: CaptionedFrame['end']
  cached_tokens: number
  memory_bytes: number
}

const rounded = (ms: number) => Math.round(ms * 10) / 10

/** @param droppedBefore frames that the video source dropped before this one, in addition to those dropped by the captioner. */
export const recordOf = (frame: CaptionedFrame, droppedBefore = 0): CaptionRecord => ({
  start_ms: frame.startMs,
  end_ms: frame.endMs,
  time_to_first_token_ms: rounded(frame.timeToFirstTokenMs),
  elapsed_ms: rounded(frame.elapsedMs),
  lag_ms: rounded(frame.lagMs),
  dropped: frame.dropped + droppedBefore,
  tokens: frame.tokens,
  text: frame.text,
  end: frame.end,
  cached_tokens: frame.cachedTokens,
  memory_bytes: frame.memory.bytes,
})

/** A caption stays until the next one, so that it can be read, but at most this long. */
const longestMs = 6000

/** Cues of the frames with a caption; silent frames have none. */
export function readableCues(records: readonly CaptionRecord[]): Cue[] {
  const spoken = records.filter(({ text }) => text.trim() !== '')
  return spoken.map(({ start_ms: startMs, end_ms, text }, i) => {
    const next = spoken[i + 1]?.start_ms ?? Infinity
    const last = records.at(-1)?.end_ms ?? end_ms
    return { startMs, endMs: Math.max(end_ms, Math.min(next, startMs + longestMs, last)), text: text.trim() }
  })
}

/** Subtitles: one caption at a time, or growing line by line as the words came. */
export function subtitleCues(records: readonly CaptionRecord[], progressive: boolean): Cue[] {
  if (!progressive) return readableCues(records)
  const cues = records.map(({ start_ms: startMs, end_ms: endMs, text }) => ({ startMs, endMs, text: text.trim() }))
  return progressiveCues(cues).filter(({ text }) => text.trim() !== '')
}

/** @returns the text of an SRT file. */
export const srtOf = (records: readonly CaptionRecord[], progressive = false): string =>
  formatSrt(subtitleCues(records, progressive))

/** @returns the text of a WebVTT file. */
export const vttOf = (records: readonly CaptionRecord[], progressive = false): string =>
  formatVtt(subtitleCues(records, progressive))

/** @returns lines of time and text, as they are printed. */
export const textOf = (records: readonly CaptionRecord[]): string =>
  records
    .filter(({ text }) => text.trim() !== '')
    .map((record) => `${captionLine(record)}\n`)
    .join('')

/** "0:12.5  A red apple appears." */
export const captionLine = ({ start_ms, text }: Pick<CaptionRecord, 'start_ms' | 'text'>): string =>
  `${shortClock(start_ms)}  ${text.trim().replaceAll(/\s+/g, ' ')}`

/** 3723500 -> "1:02:03.5" */
export function shortClock(ms: number): string {
  const tenths = Math.round(ms / 100)
  const [hours, minutes, seconds] = [Math.floor(tenths / 36_000), Math.floor(tenths / 600) % 60, (tenths % 600) / 10]
  const tail = `${String(Math.floor(seconds)).padStart(2, '0')}.${Math.round((seconds % 1) * 10)}`
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`
}
