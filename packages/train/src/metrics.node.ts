/**
 * metrics.jsonl of a run: one JSON object a line, for every update and every evaluation.
 *
 * On resume, lines of updates that will be made again are dropped, and so is a line that a killed process left unfinished.
 */
import { createWriteStream } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { finished } from 'node:stream/promises'
import { CasaError } from '@casa-js/base'
import { fileSink } from '@casa-js/weights'
import type { EvaluationEvent, StepEvent } from './events.ts'

export type MetricsRow = Omit<StepEvent, 'etaMs'> | Omit<EvaluationEvent, 'examples'>

export interface MetricsLog {
  add(event: StepEvent | EvaluationEvent): Promise<void>
  close(): Promise<void>
}

/** @param keepBefore the step that the run starts from: it makes the rows from there on anew, an evaluation at that step included. */
export async function openMetrics(path: string, keepBefore: number): Promise<MetricsLog> {
  await mkdir(dirname(path), { recursive: true })
  const kept = (await readMetrics(path)).filter((row) => row.step < keepBefore)
  const sink = await fileSink(path)
  await sink.write(new TextEncoder().encode(kept.map((row) => JSON.stringify(row) + '\n').join('')))
  await sink.commit()

  const stream = createWriteStream(path, { flags: 'a' })
  let failure: Error | undefined
  stream.on('error', (error) => (failure = error))
  return {
    async add(event) {
      if (failure) throw new CasaError(`${path}: metrics cannot be written: ${failure.message}`)
      const row = event.kind === 'step' ? without(event, 'etaMs') : without(event, 'examples')
      if (!stream.write(JSON.stringify(row) + '\n'))
        await new Promise<void>((resolve) => stream.once('drain', resolve).once('error', () => resolve()))
    },
    async close() {
      stream.end()
      // A failed write was told by `add`, or the run has ended for the same reason.
      await finished(stream).catch(() => {})
    },
  }
}

/** Rows of a metrics file; none if there is no file. A last line that was not finished is left out. */
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

function without<T extends object, K extends keyof T>(value: T, key: K): Omit<T, K> {
  const { [key]: _, ...rest } = value
  return rest
}
