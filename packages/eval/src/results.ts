/** Results: one record an answer, kept as they come so that an interrupted evaluation goes on where it stopped. */

/** Were the pictures shown? 'none' is the baseline that has to guess. */
export type Pictures = 'shown' | 'none'

export interface EvalRecord {
  model: string
  task: string
  /** The dataset's name. */
  dataset: string
  index: number
  /** The example's id, and its own task name: a group within the task. */
  id: string
  group: string
  pictures: Pictures
  /** By which the score was given. */
  metric: string
  /** The last question. */
  question: string
  reference: unknown
  /** As the model said it, before the task's cleaning. */
  prediction: string
  score: number
  elapsedMs: number
}

/** Where records live. `fileResults` of @casa-js/eval/node keeps them as JSONL. */
export interface ResultStore {
  /** All records that are whole. */
  read(): Promise<EvalRecord[]>
  append(record: EvalRecord): Promise<void>
}

export function memoryResults(records: EvalRecord[] = []): ResultStore {
  return {
    read: async () => [...records],
    append: async (record) => void records.push(record),
  }
}
