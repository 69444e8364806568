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
  /** Numbers of a whole task beside the mean score, e.g. precision and recall. */
  summarise?(answers: readonly Scored<R>[]): MetricSummary
}

/** What a metric says of a whole task. */
export interface MetricSummary {
  numbers: Record<string, number>
  /** The one to report, if not the mean. */
  main?: string
  /** 95 % interval of the reported number, where it is not that of a share of the examples. */
  interval?: [number, number]
  /** A table of its own in Markdown, printed below that of all tasks. */
  table?: string
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
