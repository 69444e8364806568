/** A model folder on a web server. */
import { WeightError } from '@casa-js/base'
import type { FolderSource } from '../bytes/folder.ts'
import type { ByteSource } from '../bytes/source.ts'
import { textLimitBytes } from '../folder/limits.ts'
import { folderMark, parseMark, type FolderMark } from '../folder/mark.ts'
import { createHasher, defaultCache } from '#platform'
import { download, type DownloadOptions } from './download.ts'
import type { Expected } from './file-hash.ts'
import { memoryDraft, type FileCache } from './draft.ts'
import { fetchFile, type RemoteFile } from './fetch-file.ts'
import { httpGet } from './http.ts'
import { withRetries } from './retry.ts'

export interface RemoteOptions extends DownloadOptions {
  /**
   * Where files are cached; by default the cache folder of Node or the private file system of a browser. false: cache nothing and read
   * large files by ranges, which is quick to start but checks no hash.
   */
  cache?: FileCache | false | undefined
}

export interface HttpFolderOptions extends RemoteOptions {
  /** Size and SHA-256 of files, by name, as far as they are known. */
  files?: Record<string, Pick<Expected, 'sizeBytes' | 'sha256'>>
}

/**
 * A folder on a server. Its casa-folder.json is asked for first, where it has one: files that it does not list are not asked for,
 * and weights are checked by its hashes.
 * @param address of the folder, with or without a slash at the end
 */
export function httpFolder(address: string, options: HttpFolderOptions = {}): FolderSource {
  const base = address.endsWith('/') ? address : `${address}/`
  const cache = options.cache === false ? undefined : (options.cache ?? defaultCache())
  let mark: Promise<FolderMark | undefined> | undefined
  let hasServed = false
  return {
    name: address,
    async open(file, signal) {
      const url = new URL(file, base).href
      const request: DownloadOptions = {
        ...options,
        signal: signal ?? options.signal,
        limitBytes: textLimitBytes(file),
        forbiddenIsMissing: hasServed && isOptional(file),
      }
      let known = options.files?.[file]
      if (!known) {
        mark ??= readMark(new URL(folderMark, base).href, request)
        const listed = (await mark.catch((error: unknown) => ((mark = undefined), Promise.reject(error))))?.files
        if (listed && !Object.hasOwn(listed, file)) return undefined
        known = listed?.[file]
      }
      const source = await openFile(url, file, known, cache, request)
      hasServed ||= source !== undefined
      return source
    },
  }
}

async function openFile(
  url: string,
  file: string,
  known: Pick<Expected, 'sizeBytes' | 'sha256'> | undefined,
  cache: FileCache | undefined,
  request: DownloadOptions,
): Promise<ByteSource | undefined> {
  if (known?.sha256 !== undefined || !cache) {
    return fetchFile({ ...known, url, key: known?.sha256 && `sha256/${known.sha256.toLowerCase()}` }, cache, request)
  }
  const remote = await identify(url, file, request)
  return remote && fetchFile({ ...remote, ...known }, cache, request)
}

/** Storage without list permission answers 403 for a missing file; for these optional files that counts as missing. */
function isOptional(file: string): boolean {
  return file === 'model.safetensors' || !/\.(safetensors|safetensors\.index\.json|gguf)$/.test(file)
}

/** Marks list a few files; a larger file is something else. */
const markLimitBytes = 4 << 20

/** undefined when the folder has none, or something else is at its address. */
async function readMark(url: string, options: DownloadOptions): Promise<FolderMark | undefined> {
  const draft = memoryDraft(url)
  try {
    const found = await download(
      url,
      draft,
      {},
      { ...options, limitBytes: markLimitBytes, forbiddenIsMissing: true, onProgress: undefined },
    )
    return found ? parseMark(new TextDecoder().decode(draft.bytes())) : undefined
  } catch (error) {
    if (WeightError.isInstance(error) && error.rule === 'too-large') return undefined
    throw error
  }
}

/**
 * Asks the server for the file's current version, so that a cached one is used only while it is the same. Two bytes, not one: sirv, which
 * serves Vite's builds, takes "0-0" for the whole file.
 */
async function identify(url: string, file: string, options: DownloadOptions): Promise<RemoteFile | undefined> {
  return withRetries(async () => {
    const answer = await httpGet(url, { begin: 0, end: 2 }, options)
    if (!answer) return undefined
    answer.cancel()
    const { validator, totalBytes } = answer
    if (validator === undefined || totalBytes === undefined) return { url }
    const identity = createHasher('sha256')
    identity.update(new TextEncoder().encode(`${url}\n${validator}\n${totalBytes}`))
    return { url, sizeBytes: totalBytes, key: `http/${identity.hex().slice(0, 32)}/${file}` }
  }, options)
}
