/** How far a command is: a bar on a terminal, a line now and then elsewhere. Every command shows it with this. */
import { SingleBar } from 'cli-progress'
import { err } from './colours.ts'

export interface Progress {
  /** @param pieces shown behind the bar, the most important first: a narrow terminal leaves out the last ones. */
  show(done: number, total: number, pieces: readonly string[]): void
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
  linesEveryMs?: number
  /** The bar goes away at the end. */
  clears?: boolean
  /** stderr unless given, so that stdout stays free. */
  stream?: NodeJS.WriteStream
}

const widestBar = 24
const narrowestBar = 8

export function createProgress(options: ProgressOptions = {}): Progress {
  const { label, format = String, stream = process.stderr } = options
  const head = (done: number, total: number) => `${label ? `${label} ` : ''}${format(done)}/${format(total)}`
  return stream.isTTY ? createBar(options, stream, head) : createLines(options, stream, head)
}

type Head = (done: number, total: number) => string

function createBar({ clears = false }: ProgressOptions, stream: NodeJS.WriteStream, head: Head): Progress {
  const bar = new SingleBar({
    format: (_, { value, total, progress }, { pieces }: { pieces: readonly string[] }) =>
      fit(stream.columns ?? 80, head(value, total), progress, pieces),
    stream,
    hideCursor: true,
    fps: 8,
    gracefulExit: false,
    clearOnComplete: clears,
  })
  let shown: Parameters<Progress['show']> | undefined
  return {
    show(done, total, pieces) {
      if (!shown) bar.start(total, done, { pieces })
      if (shown && shown[1] !== total) bar.setTotal(total)
      bar.update(done, { pieces })
      shown = [done, total, pieces]
    },
    note(text) {
      if (shown) bar.stop()
      stream.write(`\r\x1b[K${text}\n`)
      if (shown) bar.start(shown[1], shown[0], { pieces: shown[2] })
    },
    stop: () => bar.stop(),
  }
}

/**
 * One line of at most `columns` - 1 characters: the bar gives way first, then the last pieces.
 * @param share of the whole that is done, 0 to 1.
 */
export function fit(columns: number, head: string, share: number, pieces: readonly string[]): string {
  const kept = [...pieces]
  const widthWith = () => columns - 1 - head.length - 3 - kept.reduce((sum, piece) => sum + piece.length + 2, 0)
  while (kept.length > 1 && widthWith() < narrowestBar) kept.pop()
  const width = Math.max(0, Math.min(widestBar, widthWith()))
  const full = Math.round(Math.min(1, Math.max(0, share)) * width)
  const [first, ...rest] = kept
  return [
    `${head} ${err.cyan('█'.repeat(full))}${err.dim('░'.repeat(width - full))}`,
    ...(first === undefined ? [] : [first]),
    ...rest.map((piece) => err.dim(piece)),
  ].join('  ')
}

function createLines({ linesEveryMs }: ProgressOptions, stream: NodeJS.WriteStream, head: Head): Progress {
  let nextMs = 0
  let last = -1
  return {
    show(done, total, pieces) {
      const isEnd = done >= total && last < total
      last = done
      if (linesEveryMs === undefined || (performance.now() < nextMs && !isEnd)) return
      nextMs = performance.now() + linesEveryMs
      stream.write(`${[head(done, total), ...pieces].join('  ')}\n`)
    },
    note: (text) => void stream.write(`${text}\n`),
    stop() {},
  }
}
