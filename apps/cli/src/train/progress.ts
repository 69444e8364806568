/** Progress of `casa train`: a bar on a terminal, occasional lines elsewhere. */
import type { EndEvent, EvaluatingEvent, EvaluationEvent, StepEvent } from '@casa-js/train'
import { createProgress } from '../terminal/progress.ts'
import { duration } from '../terminal/text.ts'

export interface TrainingProgress {
  step(event: StepEvent): void
  /** Held-out examples are being answered. */
  evaluating(event: EvaluatingEvent): void
  /** A line that stays. */
  note(text: string): void
  stop(): void
}

/** @param stream output stream; default stderr, so that stdout stays free. */
export function createTrainingProgress(steps: number, start: number, stream?: NodeJS.WriteStream): TrainingProgress {
  const progress = createProgress({ label: 'step', linesEveryMs: 10_000, ...(stream && { stream }) })
  let last = start
  return {
    step(event) {
      last = event.step + 1
      const { etaMs, loss, examplesPerSecond, tokensPerSecond } = event
      progress.show(last, steps, [
        `${duration(etaMs)} left`,
        `loss ${loss.toFixed(4)}`,
        `${rounded(examplesPerSecond)} examples/s`,
        `${rounded(tokensPerSecond)} tokens/s`,
      ])
    },
    evaluating: ({ answered, total }) => progress.show(last, steps, [`held-out examples: ${answered}/${total} answered`]),
    note: (text) => progress.note(text),
    stop: () => progress.stop(),
  }
}

const rounded = (x: number) => (x < 10 ? x.toFixed(1) : Math.round(x).toString())

/** e.g. "image features: 92 % of 2400 found in the cache, 190 stored" */
export function describeFeatures({ hits, misses, stored, failed }: NonNullable<EndEvent['features']>): string {
  const asked = hits + misses
  const share = asked === 0 ? 0 : Math.round((100 * hits) / asked)
  return `image features: ${share} % of ${asked} found in the cache, ${stored} stored${failed > 0 ? `, ${failed} could not be` : ''}`
}

/** One line: held-out loss and exact match by task. */
export function describeEvaluation({ step, loss, accuracy }: EvaluationEvent): string {
  const tasks = Object.entries(accuracy).map(([task, { correct, total }]) => `${task} ${correct}/${total}`)
  return `held out after ${step} steps: loss ${loss.toFixed(4)}  ${tasks.join('  ')}`
}
