/** What `casa eval` shows while it asks: a bar on a terminal, a line now and then elsewhere. */
import type { EvalProgress } from '@casa-js/eval'
import { SingleBar } from 'cli-progress'
import { duration } from '../train/progress.ts'

export interface AskingProgress {
  show(progress: EvalProgress): void
  stop(): void
}

/** @param stream where it goes; stderr, so that stdout stays free. */
export function createAskingProgress(stream: NodeJS.WriteStream = process.stderr): AskingProgress {
  const right = { shown: 0, asked: 0 }
  const startMs = performance.now()
  const describe = ({ done, total, record }: EvalProgress) => {
    if (record.pictures === 'shown') {
      right.asked++
      right.shown += record.score
    }
    const leftMs = ((performance.now() - startMs) / done) * (total - done)
    return {
      score: `${((100 * right.shown) / Math.max(1, right.asked)).toFixed(1)} %`,
      left: duration(leftMs),
      task: record.task,
    }
  }
  return stream.isTTY ? barOf(stream, describe) : linesOf(stream, describe)
}

type Describe = (progress: EvalProgress) => { score: string; left: string; task: string }

function barOf(stream: NodeJS.WriteStream, describe: Describe): AskingProgress {
  const bar = new SingleBar({
    format: '{value}/{total} |{bar}| {score} right  {left} left  {task}',
    stream,
    barsize: 24,
    hideCursor: true,
    fps: 4,
    gracefulExit: false,
  })
  let started = false
  return {
    show(progress) {
      const shown = describe(progress)
      if (!started) bar.start(progress.total, 0, shown)
      started = true
      bar.update(progress.done, shown)
    },
    stop: () => bar.stop(),
  }
}

/** At most a line in ten seconds, and the last. */
function linesOf(stream: NodeJS.WriteStream, describe: Describe): AskingProgress {
  let nextMs = performance.now() + 10_000
  return {
    show(progress) {
      const { score, left, task } = describe(progress)
      if (performance.now() < nextMs && progress.done < progress.total) return
      nextMs = performance.now() + 10_000
      stream.write(`${progress.done}/${progress.total}  ${score} right  ${left} left  ${task}\n`)
    },
    stop() {},
  }
}
