/** Terminal output of `casa caption`: captions as they arrive, a progress bar for files, and the lag of a live source. */
import type { CaptionFlags } from '../commands/caption.ts'
import { out } from '../terminal/colours.ts'
import { createProgress } from '../terminal/progress.ts'
import { duration } from '../terminal/text.ts'
import { captionLine, shortClock, type CaptionRecord } from './formats.ts'

export interface Screen {
  lag(lagMs: number, dropped: number): void
  token(text: string): void
  /** @param done frames so far, those of an earlier run included. */
  frame(record: CaptionRecord, done: number): void
  note(text: string): void
  stop(): void
}

interface ScreenOptions {
  flags: CaptionFlags
  framesPerSecond: number
  isLive: boolean
  /** Of the part that is captioned, milliseconds of the video's own time; `endMs` is Infinity where it is not known. */
  firstMs: number
  endMs: number
}

export function createScreen({ flags, framesPerSecond, isLive, firstMs, endMs }: ScreenOptions): Screen {
  const isSilent = [flags.jsonl, flags.srt, flags.vtt, flags.txt].includes('-')
  const progress = createProgress({ label: 'frame', clears: true, linesEveryMs: isSilent ? 10_000 : undefined })
  // On a terminal lines stand above the bar, which is on stderr.
  const print = (line: string) =>
    process.stdout.isTTY && process.stderr.isTTY ? progress.note(line) : process.stdout.write(`${line}\n`)
  const total = Number.isFinite(endMs) ? Math.max(1, Math.ceil(((endMs - firstMs) / 1000) * framesPerSecond - 1e-6)) : undefined
  const startMs = performance.now()
  let begun = 0
  let done = 0
  let growing = ''
  let behind = ''

  function show() {
    // An empty caption updates the bar, but is not written as a line to a file.
    if (done === 0 && !process.stderr.isTTY) return
    const perFrameMs = (performance.now() - startMs) / Math.max(1, done - begun)
    const left = total === undefined || done === begun ? [] : [`${duration(perFrameMs * (total - done))} left`]
    progress.show(
      done,
      total,
      [...(isLive ? [behind] : left), growing.replaceAll(/\s+/g, ' ').trim()].filter((piece) => piece !== ''),
    )
  }

  return {
    lag(lagMs, dropped) {
      behind = `${lagMs <= 0 ? 'keeps up' : `${(lagMs / 1000).toFixed(1)} s behind`}${dropped > 0 ? `, ${dropped} dropped` : ''}`
      show()
    },
    token(text) {
      growing += text
      show()
    },
    frame(record, count) {
      if (done === 0) begun = count - 1
      done = count
      growing = ''
      if (!isSilent && record.text.trim() !== '') {
        const time = shortClock(record.start_ms)
        print(`${out.dim(time)}${captionLine(record).slice(time.length)}`)
      }
      show()
    },
    note: (text) => progress.note(text),
    stop: () => progress.stop(),
  }
}
