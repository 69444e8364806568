/** What `casa train` shows while it works: a bar on a terminal, a line now and then elsewhere. */
import type { EvaluatingEvent, EvaluationEvent, StepEvent } from '@casa-js/train'
import { SingleBar } from 'cli-progress'

export interface Progress {
  step(event: StepEvent): void
  /** Held-out examples are being answered. */
  evaluating(event: EvaluatingEvent): void
  /** A line that stays. */
  note(text: string): void
  stop(): void
}

/** @param stream where it goes; stderr, so that stdout stays free. */
export function createProgress(steps: number, start: number, stream: NodeJS.WriteStream = process.stderr): Progress {
  return stream.isTTY ? createBar(steps, start, stream) : createLines(steps, stream)
}

function createBar(steps: number, start: number, stream: NodeJS.WriteStream): Progress {
  const format = 'step {value}/{total} |{bar}| loss {loss}  {examples} examples/s  {tokens} tokens/s  {left}'
  const bar = new SingleBar({ format, stream, barsize: 24, hideCursor: true, fps: 4, gracefulExit: false })
  let last = start
  let shown: ReturnType<typeof describe> = { loss: '-', examples: '-', tokens: '-', left: '' }
  bar.start(steps, last, shown)
  return {
    step(event) {
      last = event.step + 1
      shown = describe(event)
      bar.update(last, shown)
    },
    evaluating(event) {
      bar.update(last, { ...shown, left: describeEvaluating(event) })
    },
    note(text) {
      bar.stop()
      stream.write(`\r\x1b[K${text}\n`)
      bar.start(steps, last, shown)
    },
    stop: () => bar.stop(),
  }
}

/** At most a line in ten seconds, but always the first and the last update. */
function createLines(steps: number, stream: NodeJS.WriteStream): Progress {
  const everyMs = 10_000
  let nextMs = 0
  const isDue = (): boolean => {
    const now = performance.now()
    if (now < nextMs) return false
    nextMs = now + everyMs
    return true
  }
  return {
    step(event) {
      if (!isDue() && event.step + 1 < steps) return
      const { loss, examples, tokens, left } = describe(event)
      stream.write(`step ${event.step + 1}/${steps}  loss ${loss}  ${examples} examples/s  ${tokens} tokens/s  ${left}\n`)
    },
    evaluating(event) {
      if (isDue()) stream.write(`step ${event.step}/${steps}  ${describeEvaluating(event)}\n`)
    },
    note: (text) => void stream.write(text + '\n'),
    stop() {},
  }
}

function describe({ loss, examplesPerSecond, tokensPerSecond, etaMs }: StepEvent) {
  return {
    loss: loss.toFixed(4),
    examples: rounded(examplesPerSecond),
    tokens: rounded(tokensPerSecond),
    left: `${duration(etaMs)} left`,
  }
}

const describeEvaluating = ({ answered, total }: EvaluatingEvent) => `held-out examples: ${answered}/${total} answered`

const rounded = (x: number) => (x < 10 ? x.toFixed(1) : Math.round(x).toString())

/** 3723000 -> "1 h 2 min" */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** One line: held-out loss and exact match by task. */
export function describeEvaluation({ step, loss, accuracy }: EvaluationEvent): string {
  const tasks = Object.entries(accuracy).map(([task, { correct, total }]) => `${task} ${correct}/${total}`)
  return `held out after ${step} steps: loss ${loss.toFixed(4)}  ${tasks.join('  ')}`
}
