/** The progress bar of `casa convert`, `casa adapt` and `casa cache`, for bytes downloaded or written; on a terminal only. */
import { createProgress } from '../terminal/progress.ts'
import { megabytes } from '../terminal/text.ts'

export interface BytesProgress {
  show(what: string, doneBytes: number, totalBytes: number): void
  stop(): void
}

/** @param stream output stream; default stderr, so that stdout stays free. */
export function createBytesProgress(stream?: NodeJS.WriteStream): BytesProgress {
  const progress = createProgress({ format: megabytes, clears: true, ...(stream && { stream }) })
  return {
    show: (what, doneBytes, totalBytes) => progress.show(doneBytes, totalBytes, [what]),
    stop: () => progress.stop(),
  }
}
