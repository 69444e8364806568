/** Events emitted during training. */
import type { FeatureCacheStats } from '@casa-js/data'
import type { DeviceReport } from '@casa-js/tensor'
import type { Evaluation, HeldOut } from './program.ts'

export interface StartEvent {
  kind: 'start'
  /** Updates already done: 0, or those of the checkpoint that is resumed. */
  step: number
  steps: number
  workers: number
  device: DeviceReport
  /** Number of parameters in total, and of those that train. */
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
  /** Largest learning rate of all groups at this update. */
  learningRate: number
  tokensPerSecond: number
  examplesPerSecond: number
  /** Estimated time left at the recent throughput, without evaluations and checkpoints. */
  etaMs: number
}

/** Emitted while held-out examples are being answered: progress of rank 0 on its part. */
export interface EvaluatingEvent {
  kind: 'evaluating'
  /** Updates done. */
  step: number
  /** Examples answered, and their total number. */
  answered: number
  total: number
}

export interface EvaluationEvent {
  kind: 'evaluation'
  /** Updates done. */
  step: number
  /** Mean loss over the held-out counted tokens; NaN if the program counts none. */
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
  /** Whether the run ended early because of a stop request. */
  stopped: boolean
  /** How often rank 0 found image features in the run's cache, where it has one. */
  features?: FeatureCacheStats
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
