/**
 * The interface of a metric: a score per answer, and a summary of scores for a whole task.
 */

/** R is what the answer is compared with: a text, several texts, or what the benchmark's rows hold. */
export interface Metric<R> {
  readonly name: string
  /** What the reported number is: a share of 1, as unless given, or points. */
  readonly unit?: 'share' | 'points'
  /** Score of one answer. Higher is better. */
  score(prediction: string, reference: R): number
  /** Numbers of a whole task beside the mean score, e.g. precision and recall. `main` names the one to report, if not the mean. */
  summarise?(answers: readonly Scored<R>[]): { numbers: Record<string, number>; main?: string }
}

export interface Scored<R> {
  prediction: string
  reference: R
  score: number
}

/** Helper for type inference; returns the metric unchanged. */
export function defineMetric<R>(metric: Metric<R>): Metric<R> {
  return metric
}

/** 0 for an empty list. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
}
