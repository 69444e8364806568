/** Progress of a command: a bar on a terminal, occasional lines elsewhere. Used by every command. */
import { SingleBar } from 'cli-progress'
import { err } from './colours.ts'

export interface Progress {
  /**
   * @param total undefined where no end is known: then there is no bar.
   * @param pieces shown behind the bar, the most important first: a narrow terminal leaves out the last ones.
   */
  show(done: number, total: number | undefined, pieces: readonly string[]): void
  /** A line that stays, above the bar. */
  note(text: string): void
  stop(): void
}

export interface ProgressOptions {
  /** What is counted, e.g. "step". */
  label?: string
  /** How a count is written; plain digits unless given. */
  format?: (count: number) => string
  /** Where there is no terminal: lines at most this often, and always the first and the last count. None unless given. */
  linesEveryMs?: number | undefined
  /** The bar goes away at the end. */
  clears?: boolean
  /** stderr unless given, so that stdout stays free. */
  stream?: NodeJS.WriteStream
}

const widestBar = 24
const narrowestBar = 8

export function createProgress(options: ProgressOptions = {}): Progress {
  const { label, format = String, stream = process.stderr } = options
  const head: Head = (done, total) =>
    `${label ? `${label} ` : ''}${format(done)}${total === undefined ? '' : `/${format(total)}`}`
  return stream.isTTY ? createBar(options, stream, head) : createLines(options, stream, head)
}

type Head = (done: number, total: number | undefined) => string

function createBar({ clears = false }: ProgressOptions, stream: NodeJS.WriteStream, head: Head): Progress {
  let shown: Parameters<Progress['show']> | undefined
  const line = () => {
    if (!shown) return ''
    const [done, total, pieces] = shown
    return fit(stream.columns ?? 80, head(done, total), total === undefined ? undefined : done / total, pieces)
  }
  const bar = new SingleBar({ format: line, stream, hideCursor: true, fps: 8, gracefulExit: false, clearOnComplete: clears })
  const start = () => bar.start(shown?.[1] ?? 1, shown?.[0] ?? 0)
  return {
    show(done, total, pieces) {
      const isFirst = !shown
      shown = [done, total, pieces]
      if (isFirst) start()
      bar.update(done)
    },
    note(text) {
      if (shown) bar.stop()
      stream.write(`\r\x1b[K${text}\n`)
      if (shown) start()
    },
    stop: () => bar.stop(),
  }
}

/**
 * One line of at most `columns` - 1 characters: the bar is shortened first, then the last pieces are dropped.
 * @param share of the whole that is done, 0 to 1; undefined: no bar.
 */
export function fit(columns: number, head: string, share: number | undefined, pieces: readonly string[]): string {
  const kept = [...pieces]
  const room = () => columns - 1 - head.length - kept.reduce((sum, piece) => sum + piece.length + 2, 0)
  const least = share === undefined ? 0 : narrowestBar + 1
  while (kept.length > 1 && room() < least) kept.pop()
  const [first, ...rest] = kept
  return [
    share === undefined ? head : `${head} ${bar(share, Math.max(0, Math.min(widestBar, room() - 1)))}`,
    ...(first === undefined ? [] : [first]),
    ...rest.map((piece) => err.dim(piece)),
  ].join('  ')
}

function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width)
  return `${err.cyan('█'.repeat(full))}${err.dim('░'.repeat(width - full))}`
}

function createLines({ linesEveryMs }: ProgressOptions, stream: NodeJS.WriteStream, head: Head): Progress {
  let nextMs = 0
  let last = -1
  return {
    show(done, total, pieces) {
      const isEnd = total !== undefined && done >= total && last < total
      last = done
      if (linesEveryMs === undefined || (performance.now() < nextMs && !isEnd)) return
      nextMs = performance.now() + linesEveryMs
      stream.write(`${[head(done, total), ...pieces].join('  ')}\n`)
    },
    note: (text) => void stream.write(`${text}\n`),
    stop() {},
  }
}
