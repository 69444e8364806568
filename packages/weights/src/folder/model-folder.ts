/**
 * A model folder: config.json, weights in one safetensors file or several with an index, and the other files of a self-describing model:
 * tokenizer, processor config, chat template. File names are those used on the hub.
 */
import { ConfigError } from '@casa-js/base'
import { adapterFolder, borrowedFiles, locateBase } from '../adapter/folder.ts'
import { readAdapterMark, type AdapterBase } from '../adapter/mark.ts'
import type { FolderSource } from '../bytes/folder.ts'
import { readText } from '../bytes/source.ts'
import { refuse } from '../refuse.ts'
import { textLimitBytes } from './limits.ts'
import type { TensorSource } from '../safetensors/reader.ts'
import type { AddressOptions } from '../remote/address.ts'
import { asSource, openWeights } from './open-weights.ts'

export interface ModelFolder {
  /** Where it came from, for messages. */
  readonly name: string
  /** The commit, where it came from a repository. */
  revision?: string | undefined
  /** Parsed config.json; a family's `parseConfig` gives it a type. */
  config: unknown
  generationConfig?: unknown
  /** Parsed tokenizer.json. */
  tokenizerJson?: unknown
  tokenizerConfig?: unknown
  /** processor_config.json over preprocessor_config.json, as older folders call it; published folders have either or both. */
  processorConfig?: unknown
  /** chat_template.jinja, or the template inside tokenizer_config.json. */
  chatTemplate?: string | undefined
  /** For an adapter: the model that it was made for, and the files that came from there. */
  adapter?: OpenedAdapter | undefined
  weights: TensorSource
}

export interface OpenedAdapter {
  base: AdapterBase
  /** Names of files that the adapter does not bring itself, such as "tokenizer.json". */
  borrowed: string[]
}

export interface OpenOptions extends AddressOptions {
  /** For an adapter: the folder of its base, in place of the one that it names. */
  base?: string | FolderSource | undefined
  /** Opens the base at the address that an adapter names; by default as `folderAt` does. */
  openBase?: ((address: string) => Promise<FolderSource>) | undefined
}

/**
 * Opens a folder: small files are read, of the weights only the headers. `close` the weights when done. An adapter is opened together
 * with its base, as one model.
 * @param folder a path, an address or a repository as `folderAt` takes them, or any FolderSource.
 * @throws WeightError when files are missing or break the format, or the base is not the one that an adapter was made for; ConfigError
 *   when a JSON file is not JSON.
 */
export async function openModelFolder(folder: string | FolderSource, options: OpenOptions = {}): Promise<ModelFolder> {
  const given = await asSource(folder, options)
  const { signal, base, openBase, ...address } = options
  const mark = await readAdapterMark(given, signal)
  if (!mark && base !== undefined)
    return refuse(given.name, 'base', 'this is a whole model, not an adapter: it is opened without a base')
  const baseOf = async (adapter: AdapterBase) => {
    if (base !== undefined) return asSource(base, { ...address, signal })
    const named = locateBase(given, adapter)
    return openBase ? openBase(named) : asSource(named, { ...address, signal })
  }
  const source = mark ? adapterFolder(given, await baseOf(mark), mark) : given
  const json = (file: string) => readJson(source, file, signal)
  const config = await json('config.json')
  if (config === undefined) return refuse(source.name, 'missing', 'config.json is missing: not a model folder')
  const tokenizerConfig = await json('tokenizer_config.json')
  return {
    name: source.name,
    ...(given.revision !== undefined && { revision: given.revision }),
    config,
    generationConfig: await json('generation_config.json'),
    tokenizerJson: await json('tokenizer.json'),
    tokenizerConfig,
    processorConfig: merged(await json('preprocessor_config.json'), await json('processor_config.json')),
    chatTemplate: (await readOptional(source, 'chat_template.jinja', signal)) ?? templateOf(tokenizerConfig),
    ...(mark && { adapter: { base: mark, borrowed: await missingFrom(given, borrowedFiles, signal) } }),
    weights: await openWeights(source, { ...address, signal }),
  }
}

/** Merges the fields of both; the second takes precedence. A value that is not an object is left for its parser to reject. */
function merged(older: unknown, newer: unknown): unknown {
  if (older === undefined || newer === undefined) return newer ?? older
  return { ...Object(older), ...Object(newer) }
}

async function missingFrom(folder: FolderSource, files: readonly string[], signal?: AbortSignal): Promise<string[]> {
  const missing: string[] = []
  for (const file of files) {
    const source = await folder.open(file, signal)
    if (source) await source.close()
    else missing.push(file)
  }
  return missing
}

async function readOptional(folder: FolderSource, file: string, signal?: AbortSignal): Promise<string | undefined> {
  const source = await folder.open(file, signal)
  if (!source) return undefined
  try {
    return await readText(source, signal, textLimitBytes(file))
  } finally {
    await source.close()
  }
}

async function readJson(folder: FolderSource, file: string, signal?: AbortSignal): Promise<unknown> {
  const text = await readOptional(folder, file, signal)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ConfigError(`${folder.name}/${file}`, `not JSON: ${(error as Error).message}`)
  }
}

/** tokenizer_config.json holds one template, or a list of named ones, of which "default" is used. */
function templateOf(tokenizerConfig: unknown): string | undefined {
  const template = (tokenizerConfig as { chat_template?: unknown } | undefined)?.chat_template
  if (typeof template === 'string') return template
  if (!Array.isArray(template)) return undefined
  return template.find((item) => item?.name === 'default')?.template
}
