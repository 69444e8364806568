/** WebVTT: subtitles of the video element (https://www.w3.org/TR/webvtt1/). */
import { formatTime, withoutEmptyLines, type Cue } from './srt.ts'

/**
 * Cues without text, or that end before they begin, show nothing and are left out.
 * @throws ArgumentError when a time is below 0 or no number
 */
export function formatVtt(cues: readonly Cue[]): string {
  const shown = cues.filter(({ startMs, endMs, text }) => endMs > startMs && text.trim() !== '')
  const blocks = shown.map(
    ({ startMs, endMs, text }) => `${formatTime(startMs, '.')} --> ${formatTime(endMs, '.')}\n${escape(withoutEmptyLines(text))}`,
  )
  return ['WEBVTT', ...blocks].join('\n\n') + '\n'
}

/** Angle brackets open tags of WebVTT, and "-->" would be read as times. */
const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
