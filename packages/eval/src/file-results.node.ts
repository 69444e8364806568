/** Records as JSONL on disk. */
import { CasaError } from '@casa-js/base'
import { appendFile, readFile, truncate } from 'node:fs/promises'
import type { EvalRecord, ResultStore } from './results.ts'

/**
 * A store in a file, made when the first record comes. A last line that an interruption cut short is dropped.
 *
 * @throws CasaError (from `read`) naming the line that is no record
 */
export function fileResults(path: string): ResultStore {
  return {
    async read() {
      const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return Buffer.alloc(0)
        throw error
      })
      const whole = content.lastIndexOf('\n') + 1
      if (whole < content.length) await truncate(path, whole)
      const lines = content.subarray(0, whole).toString('utf8').split('\n').slice(0, -1)
      return lines.map((line, index) => parseRecord(line, `${path}:${index + 1}`))
    },
    append: (record) => appendFile(path, JSON.stringify(record) + '\n'),
  }
}

function parseRecord(line: string, where: string): EvalRecord {
  let record: unknown
  try {
    record = JSON.parse(line)
  } catch (error) {
    throw new CasaError(`${where}: ${(error as Error).message}; remove the line, or the file to start anew`)
  }
  const { model, task, dataset, index, score } = (record ?? {}) as Partial<EvalRecord>
  const texts = [model, task, dataset].every((value) => typeof value === 'string')
  if (!texts || !Number.isInteger(index) || typeof score !== 'number')
    throw new CasaError(`${where}: this is no record of an evaluation`)
  return record as EvalRecord
}
