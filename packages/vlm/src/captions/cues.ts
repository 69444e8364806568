import type { Cue } from '../subtitles/index.ts'
import type { CaptionedFrame } from './options.ts'

/** Subtitles of captioned frames: one cue each, empty if the model generated no text. For `formatSrt` or `progressiveCues`. */
export function captionCues(frames: readonly Pick<CaptionedFrame, 'startMs' | 'endMs' | 'text'>[]): Cue[] {
  return frames.map(({ startMs, endMs, text }) => ({ startMs, endMs, text: text.trim() }))
}
