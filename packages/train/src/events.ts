/** Events emitted during training. */
import type { DeviceReport } from '@casa-js/tensor'
import type { Evaluation, HeldOut } from './program.ts'

export interface StartEvent {
  kind: 'start'
  /** Updates done already: 0, or where a checkpoint left off. */
  step: number
  steps: number
  workers: number
  device: DeviceReport
  /** Values in all weights, and in those that train. */
  parameters: number
  trained: number
}

export interface StepEvent {
  kind: 'step'
  /** Counted from 0. */
  step: number
  /** Mean over the counted tokens of the update. */
  loss: number
  /** Before clipping. */
  gradientNorm: number
  /** Largest of the groups' rates at this update. */
  learningRate: number
  tokensPerSecond: number
  examplesPerSecond: number
  /** Time left, at the recent rate, evaluations and checkpoints not counted. */
  etaMs: number
}

/** Emitted while held-out examples are being answered: how far the first rank is with its part. */
export interface EvaluatingEvent {
  kind: 'evaluating'
  /** Updates done. */
  step: number
  /** Examples answered, of so many. */
  answered: number
  total: number
}

export interface EvaluationEvent {
  kind: 'evaluation'
  /** Updates done. */
  step: number
  /** Mean over the held-out counted tokens; NaN if the program counts none. */
  loss: number
  /** Exact match, by task and over all. */
  accuracy: Record<string, { correct: number; total: number }>
  examples: HeldOut[]
}

export interface CheckpointEvent {
  kind: 'checkpoint'
  /** Updates done. */
  step: number
  folder: string
}

export interface EndEvent {
  kind: 'end'
  /** Updates done. */
  step: number
  /** Ended early because it was asked to. */
  stopped: boolean
}

export type RunEvent = StartEvent | StepEvent | EvaluatingEvent | EvaluationEvent | CheckpointEvent | EndEvent

/**
 * Merges the ranks' parts of one evaluation; examples come task by task.
 *
 * @param step updates done
 */
export function mergeEvaluations(step: number, parts: Evaluation[]): EvaluationEvent {
  const all = parts.flatMap((part) => part.examples)
  const accuracy: EvaluationEvent['accuracy'] = {}
  for (const { task, correct } of all) {
    accuracy[task] ??= { correct: 0, total: 0 }
    accuracy[task].total++
    if (correct) accuracy[task].correct++
  }
  const examples = Object.keys(accuracy).flatMap((task) => all.filter((example) => example.task === task))
  const sum = (of: (part: Evaluation) => number) => parts.reduce((total, part) => total + of(part), 0)
  return { kind: 'evaluation', step, loss: sum((part) => part.lossSum) / sum((part) => part.counted), accuracy, examples }
}
