/**
 * Progressive subtitles: the current sentence grows word group by word group on the lower line, the previous one is above it
 * (as CASA's live captions are shown; golden: progressive_srt.json).
 */
import { type Cue, formatSrt, parseSrt } from './srt.ts'

/**
 * Cues without text show nothing. A cue lasts until the next one begins, beyond one empty cue; the last keeps its own end.
 * The growing line is padded with spaces to `lineCharacters`, so that centred subtitles do not jump.
 *
 * @param options.lineCharacters code points after which a new line begins; 50 unless given
 */
export function progressiveCues(cues: readonly Cue[], options: { lineCharacters?: number } = {}): Cue[] {
  const { lineCharacters = 50 } = options
  const out: Cue[] = []
  let above = ''
  let line = ''
  cues.forEach((cue, index) => {
    const text = cue.text.replaceAll('\n', ' ')
    const endMs = nextStart(cues, index) ?? cue.endMs
    if (text === '' || cue.startMs >= endMs) return
    if (codePoints(text) + codePoints(line) > lineCharacters) {
      above = line
      line = ''
    }
    line += ` ${text}`
    const padded = line + ' '.repeat(Math.max(0, lineCharacters - codePoints(line)))
    out.push({ startMs: cue.startMs, endMs, text: above === '' ? padded : `${above}\n${padded}` })
  })
  return out
}

/** The same, from SubRip text to SubRip text. */
export function progressiveSrt(srt: string, options: { lineCharacters?: number } = {}): string {
  return formatSrt(progressiveCues(parseSrt(srt), options))
}

/** Where the cue after `index` begins; an empty one is passed over, but only one, and never the last. */
function nextStart(cues: readonly Cue[], index: number): number | undefined {
  const empty = cues[index + 1]?.text === ''
  return cues[empty && index < cues.length - 2 ? index + 2 : index + 1]?.startMs
}

function codePoints(text: string): number {
  return Array.from(text).length
}
