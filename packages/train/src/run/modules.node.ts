/** Code that a run refers to: datasets and corpora, by module. */
import { createRequire } from 'node:module'
import { dirname, isAbsolute, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { CasaError, ConfigError } from '@casa-js/base'
import { type Dataset } from '@casa-js/core'
import { openJsonlDataset, openShards } from '@casa-js/data'
import { decodeImage } from '@casa-js/vision'
import type { DatasetReference, ModuleReference } from './define.ts'

/** Make a reference independent of where the run file lies: modules become URLs, files absolute paths. */
export function resolveReference<R extends DatasetReference>(reference: R, runFile: string, path: string): R {
  const absolute = (file: string) => resolve(dirname(runFile), file)
  if ('jsonl' in reference)
    return { ...reference, jsonl: absolute(reference.jsonl), ...(reference.images && { images: absolute(reference.images) }) }
  if ('shards' in reference) {
    const place = (one: string) => (/^(https?|hub):/.test(one) ? one : absolute(one))
    return { ...reference, shards: typeof reference.shards === 'string' ? place(reference.shards) : reference.shards.map(place) }
  }
  return { ...reference, module: resolveModule(reference.module, runFile, path) }
}

function resolveModule(module: string, runFile: string, path: string): string {
  if (/^[a-z]{2,}:/i.test(module)) return module
  if (module.startsWith('.') || isAbsolute(module)) return pathToFileURL(resolve(dirname(runFile), module)).href
  try {
    return pathToFileURL(createRequire(runFile).resolve(module)).href
  } catch (error) {
    throw new ConfigError(
      `${path}.module`,
      `"${module}" cannot be found from ${runFile}: install it there, or give a path (${(error as Error).message.split('\n')[0]})`,
    )
  }
}

/** Call the default export of a resolved module. */
export async function callModule<T>({ module, options }: ModuleReference): Promise<T> {
  let loaded: { default?: (options: unknown) => T | Promise<T> }
  try {
    loaded = await import(module)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error
    throw new CasaError(
      `${fileURLToPath(module)}: Node cannot load TypeScript by itself; run through \`casa train\` or with \`node --import tsx\``,
    )
  }
  if (typeof loaded.default !== 'function')
    throw new CasaError(`${module}: its default export must be a function that makes what the run asks for`)
  return loaded.default(options ?? {})
}

/**
 * Opens the dataset of a resolved reference.
 *
 * @param warn called for rows of a JSONL file that are left out or reinterpreted
 */
export async function openDataset(reference: DatasetReference, warn: (message: string) => void): Promise<Dataset> {
  if ('module' in reference) return callModule<Dataset>(reference)
  if ('shards' in reference) return openShards({ ...reference, decode: (bytes) => decodeImage(bytes) })
  return openJsonlDataset({
    file: reference.jsonl,
    imageFolder: reference.images,
    allowOutside: reference.allowOutside,
    decode: (bytes) => decodeImage(bytes),
    onProblem: ({ file, line, message, leftOut }) => warn(`${file}:${line}${leftOut ? ' is left out' : ''}: ${message}`),
  })
}
