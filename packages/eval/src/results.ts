/** Results: one record per answer, stored as they arrive so that an interrupted evaluation can resume. */

/** Whether the pictures were shown. 'none' is the baseline that can only guess. */
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
  /** Name of the metric. */
  metric: string
  /** The last question. */
  question: string
  reference: unknown
  /** The model's raw output, before the task's cleaning. */
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

/** A store in memory: it ends with the process. */
export function memoryResults(records: EvalRecord[] = []): ResultStore {
  return {
    read: async () => [...records],
    append: async (record) => void records.push(record),
  }
}

/** The key that identifies the same question to the same model. */
export type RecordKey = Pick<EvalRecord, 'model' | 'task' | 'dataset' | 'index' | 'pictures' | 'metric'>

/** @returns the key as a text, for maps. */
export function keyOf({ model, task, dataset, index, pictures, metric }: RecordKey): string {
  return JSON.stringify([model, task, dataset, index, pictures, metric])
}

/**
 * Merges the records of several stores, e.g. of shards, into one; existing records are kept.
 *
 * @returns records that were added
 */
export async function mergeResults(into: ResultStore, from: readonly ResultStore[]): Promise<number> {
  const known = new Set((await into.read()).map(keyOf))
  let added = 0
  for (const store of from) {
    for (const record of await store.read()) {
      if (known.has(keyOf(record))) continue
      await into.append(record)
      known.add(keyOf(record))
      added++
    }
  }
  return added
}
