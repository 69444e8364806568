import type { Cue } from '../subtitles/index.ts'
import type { CaptionedFrame } from './options.ts'

/** Subtitles of captioned frames: a cue each, empty where the model kept silent. For `formatSrt` or `progressiveCues`. */
export function captionCues(frames: readonly Pick<CaptionedFrame, 'startMs' | 'endMs' | 'text'>[]): Cue[] {
  return frames.map(({ startMs, endMs, text }) => ({ startMs, endMs, text: text.trim() }))
}
