/**
 * metrics.jsonl of a run: one JSON object per line, for every update, evaluation and checkpoint.
 *
 * On resume, lines of updates that will be repeated are dropped, and so is an unfinished last line.
 */
import { createWriteStream } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { finished } from 'node:stream/promises'
import { FileError } from '@casa-js/base'
import { fileSink } from '@casa-js/weights'
import type { CheckpointEvent, EvaluationEvent, RunEvent, StepEvent } from './events.ts'

export const METRICS_FILE = 'metrics.jsonl'

export type MetricsRow = Omit<StepEvent, 'etaMs'> | Omit<EvaluationEvent, 'examples'> | Omit<CheckpointEvent, 'folder'>
type LoggedEvent = StepEvent | EvaluationEvent | CheckpointEvent

export interface MetricsLog {
  add(event: LoggedEvent): Promise<void>
  close(): Promise<void>
}

/** Whether an event is recorded in the metrics. */
export function isLogged(event: RunEvent): event is LoggedEvent {
  return event.kind === 'step' || event.kind === 'evaluation' || event.kind === 'checkpoint'
}

/**
 * Opens the metrics of a run for writing.
 *
 * @param start the step that the run starts from: rows from there on are written again, including an evaluation at that step
 */
export async function openMetrics(path: string, start: number): Promise<MetricsLog> {
  await mkdir(dirname(path), { recursive: true })
  const rows = await readMetrics(path)
  const kept = rows.filter((row) => row.step < start)
  // The checkpoint that the run starts from may be newer than the last row.
  if (start > 0) kept.push({ kind: 'checkpoint', step: start })
  const sink = await fileSink(path)
  await sink.write(new TextEncoder().encode(kept.map((row) => JSON.stringify(row) + '\n').join('')))
  await sink.commit()

  const stream = createWriteStream(path, { flags: 'a' })
  let failure: Error | undefined
  stream.on('error', (error) => (failure = error))
  return {
    async add(event) {
      if (failure) throw new FileError(path, `metrics cannot be written: ${failure.message}`)
      if (!stream.write(JSON.stringify(rowOf(event)) + '\n'))
        await new Promise<void>((resolve) => stream.once('drain', resolve).once('error', () => resolve()))
    },
    async close() {
      stream.end()
      // `add` has thrown for a failed write, or the run has ended for the same reason.
      await finished(stream).catch(() => {})
    },
  }
}

/** Rows of a metrics file; none if there is no file. An unfinished last line is left out. */
export async function readMetrics(path: string): Promise<MetricsRow[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.split('\n').flatMap((line) => {
    try {
      return line ? [JSON.parse(line) as MetricsRow] : []
    } catch {
      return []
    }
  })
}

/** Fields that matter only during the run, such as the time left, and the answered examples are not recorded. */
function rowOf(event: LoggedEvent): MetricsRow {
  if (event.kind === 'step') return without(event, 'etaMs')
  return event.kind === 'evaluation' ? without(event, 'examples') : without(event, 'folder')
}

function without<T extends object, K extends keyof T>(value: T, key: K): Omit<T, K> {
  const { [key]: _, ...rest } = value
  return rest
}
