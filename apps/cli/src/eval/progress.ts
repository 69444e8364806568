/** Progress of `casa eval`: how many answers were right so far, and the time left. */
import type { EvalProgress } from '@casa-js/eval'
import { createProgress } from '../terminal/progress.ts'
import { duration } from '../terminal/text.ts'

export interface AskingProgress {
  show(progress: EvalProgress): void
  stop(): void
}

/** @param stream output stream; default stderr, so that stdout stays free. */
export function createAskingProgress(stream?: NodeJS.WriteStream): AskingProgress {
  const progress = createProgress({ linesEveryMs: 10_000, ...(stream && { stream }) })
  const startMs = performance.now()
  let asked = 0
  let right = 0
  return {
    show({ done, total, record }) {
      if (record.pictures === 'shown') {
        asked++
        right += record.score
      }
      const leftMs = ((performance.now() - startMs) / done) * (total - done)
      const share = (100 * right) / Math.max(1, asked)
      progress.show(done, total, [`${duration(leftMs)} left`, `${share.toFixed(1)} % right`, record.task])
    },
    stop: () => progress.stop(),
  }
}
