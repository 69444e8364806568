/** What `casa convert` shows while it works: one bar for what is fetched and one for what is written; on a terminal only. */
import { SingleBar } from 'cli-progress'

export interface BytesProgress {
  show(what: string, doneBytes: number, totalBytes: number): void
  stop(): void
}

/** @param stream where it goes; stderr, so that stdout stays free. */
export function createBytesProgress(stream: NodeJS.WriteStream = process.stderr): BytesProgress {
  if (!stream.isTTY) return { show() {}, stop() {} }
  const format = '{percentage} % |{bar}| {done} of {total}  {what}'
  const bar = new SingleBar({ format, stream, barsize: 24, hideCursor: true, clearOnComplete: true, fps: 8, gracefulExit: false })
  let total = 0
  return {
    show(what, doneBytes, totalBytes) {
      const shown = { what, done: megabytes(doneBytes), total: megabytes(totalBytes) }
      if (total !== totalBytes) {
        if (total > 0) bar.stop()
        bar.start(totalBytes, doneBytes, shown)
        total = totalBytes
      }
      bar.update(doneBytes, shown)
    },
    stop: () => bar.stop(),
  }
}

/** 1250000 -> "1.25 MB" */
export function megabytes(bytes: number): string {
  const [size, unit] = bytes < 1e6 ? [bytes / 1e3, 'kB'] : bytes < 1e9 ? [bytes / 1e6, 'MB'] : [bytes / 1e9, 'GB']
  return `${size.toPrecision(3)} ${unit}`
}
