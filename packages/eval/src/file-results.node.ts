/** Records as JSONL on disk. A file that holds anything else is refused as it is, before it is opened for writing. */
import { FileError } from '@casa-js/base'
import { appendFile, readFile, stat, truncate } from 'node:fs/promises'
import type { EvalRecord, ResultStore } from './results.ts'

/** How every record starts, as `JSON.stringify` writes it. */
const START = Buffer.from('{"model":')

/**
 * A store in a file, made when the first record comes. A last line that an interruption cut short is dropped.
 *
 * @throws FileError (from `read`, and from `append` where `read` was not called) for a file that holds no records of an evaluation;
 *   it names the line and changes nothing
 */
export function fileResults(path: string): ResultStore {
  let checked: Promise<EvalRecord[]> | undefined
  const check = (): Promise<EvalRecord[]> => (checked ??= readChecked(path))
  return {
    async read() {
      checked = undefined
      return check()
    },
    async append(record) {
      await check()
      await appendFile(path, JSON.stringify(record) + '\n')
    },
  }
}

async function readChecked(path: string): Promise<EvalRecord[]> {
  const content = await readResults(path)
  const whole = content.lastIndexOf('\n') + 1
  const lines = content.subarray(0, whole).toString('utf8').split('\n').slice(0, -1)
  const records = lines.map((line, index) => parseRecord(line, path, index + 1))
  if (whole < content.length) {
    const torn = content.subarray(whole, whole + START.length)
    if (!START.subarray(0, torn.length).equals(torn)) throw notOurs(path, lines.length + 1)
    await truncate(path, whole)
  }
  return records
}

/** Empty where there is no file. */
async function readResults(path: string): Promise<Buffer> {
  try {
    if (!(await stat(path)).isFile()) throw new FileError(path, 'this is no file; give another path for the results')
    return await readFile(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return Buffer.alloc(0)
    throw FileError.isInstance(error) ? error : new FileError(path, `results cannot be read: ${message}`, { cause: error })
  }
}

function parseRecord(line: string, path: string, number: number): EvalRecord {
  let record: unknown
  try {
    record = JSON.parse(line)
  } catch (error) {
    throw notOurs(path, number, error)
  }
  const { model, task, dataset, index, score } = Object(record) as Partial<EvalRecord>
  const texts = [model, task, dataset].every((value) => typeof value === 'string')
  if (!texts || !Number.isInteger(index) || typeof score !== 'number') throw notOurs(path, number)
  return record as EvalRecord
}

function notOurs(path: string, line: number, cause?: unknown): FileError {
  const where = `${path}:${line}`
  return new FileError(
    where,
    'this is no record of an evaluation, and nothing was changed: give another file, or remove the line',
    cause === undefined ? {} : { cause },
  )
}
