/** A JSON file that a user names. */
import { readFileSync } from 'node:fs'
import { ConfigError, FileError } from '@casa-js/base'

/** @throws FileError or ConfigError naming the file */
export function readJson(path: string): unknown {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new FileError(path, `it cannot be read: ${(error as Error).message}`, { cause: error })
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ConfigError(path, `not JSON: ${(error as Error).message}`)
  }
}
