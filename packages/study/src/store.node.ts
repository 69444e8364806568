/** Results as JSONL on disk: a line appears whole or is dropped. */
import { appendFile, readFile, truncate } from 'node:fs/promises'
import { FileError } from '@casa-js/base'
import type { CellResult, CellStore } from './results.ts'

/**
 * A store in a file, made when the first result comes. A last line that a killed process cut short is dropped.
 *
 * @throws FileError (from `read`) naming the line that is not a result
 */
export function fileStore(path: string): CellStore {
  return {
    async read() {
      const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return Buffer.alloc(0)
        throw new FileError(path, `results cannot be read: ${error.message}`, { cause: error })
      })
      const whole = content.lastIndexOf('\n') + 1
      const lines = content.subarray(0, whole).toString('utf8').split('\n').slice(0, -1)
      const results = lines.map((line, index) => parseResult(line, `${path}:${index + 1}`))
      if (whole < content.length) await truncate(path, whole)
      return results
    },
    append: (result) => appendFile(path, JSON.stringify(result) + '\n'),
  }
}

function parseResult(line: string, where: string): CellResult {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch (error) {
    throw new FileError(where, 'this is no result of a study: remove the line, or the file to start anew', { cause: error })
  }
  const { key, seed, code, answers, curve } = Object(json) as Partial<CellResult>
  if (typeof key !== 'string' || typeof seed !== 'number' || typeof code !== 'string' || !answers?.length || !curve)
    throw new FileError(where, 'this is no result of a study: remove the line, or the file to start anew')
  return json as CellResult
}
