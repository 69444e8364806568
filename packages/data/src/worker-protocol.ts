/** Messages between a worker dataset and its workers. */
import type { Example } from '@casa-js/core'

/** First message of a worker, as its `workerData`. */
export interface WorkerTask {
  /** URL of the module whose default export makes the dataset. */
  module: string
  options: unknown
}

export interface FailureReport {
  name: string
  message: string
}

export type Reply =
  | { kind: 'ready'; name: string; length: number }
  | { kind: 'failed'; error: FailureReport }
  | { kind: 'example'; request: number; example: Example }
  | { kind: 'broken'; request: number; error: FailureReport }

export interface Request {
  request: number
  index: number
}

/** The parts of an error that travel between threads. */
export const reportOf = (error: unknown): FailureReport =>
  error instanceof Error ? { name: error.name, message: error.message } : { name: 'Error', message: String(error) }
