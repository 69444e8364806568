/** A model folder on a web server. */
import type { FolderSource } from '../bytes/folder.ts'
import { createHasher, defaultCache } from '#platform'
import type { DownloadOptions } from './download.ts'
import type { Expected } from './file-hash.ts'
import type { FileCache } from './draft.ts'
import { fetchFile, type RemoteFile } from './fetch-file.ts'
import { httpGet } from './http.ts'
import { withRetries } from './retry.ts'

export interface RemoteOptions extends DownloadOptions {
  /**
   * Where files are kept; by default the cache folder of Node or the private file system of a browser. false: keep nothing and read
   * large files by ranges, which is quick to start but checks no hash.
   */
  cache?: FileCache | false | undefined
}

export interface HttpFolderOptions extends RemoteOptions {
  /** Size and SHA-256 of files, by name, as far as they are known. */
  files?: Record<string, Pick<Expected, 'sizeBytes' | 'sha256'>>
}

export function httpFolder(address: string, options: HttpFolderOptions = {}): FolderSource {
  const base = address.endsWith('/') ? address : `${address}/`
  const cache = options.cache === false ? undefined : (options.cache ?? defaultCache())
  return {
    name: address,
    async open(file, signal) {
      const url = new URL(file, base).href
      const request = { ...options, signal: signal ?? options.signal }
      const known = options.files?.[file]
      if (known?.sha256 !== undefined || !cache) {
        return fetchFile({ ...known, url, key: known?.sha256 && `sha256/${known.sha256.toLowerCase()}` }, cache, request)
      }
      const remote = await identify(url, file, request)
      return remote && fetchFile({ ...remote, ...known }, cache, request)
    },
  }
}

/** Asks the server which file this is now, so that a kept one is used only as long as it is the same. */
async function identify(url: string, file: string, options: DownloadOptions): Promise<RemoteFile | undefined> {
  return withRetries(async () => {
    const answer = await httpGet(url, { begin: 0, end: 1 }, options)
    if (!answer) return undefined
    answer.cancel()
    const { validator, totalBytes } = answer
    if (validator === undefined || totalBytes === undefined) return { url }
    const identity = createHasher('sha256')
    identity.update(new TextEncoder().encode(`${url}\n${validator}\n${totalBytes}`))
    return { url, sizeBytes: totalBytes, key: `http/${identity.hex().slice(0, 32)}/${file}` }
  }, options)
}
