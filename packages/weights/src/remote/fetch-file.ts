/** Fetches one remote file in the best available way: from the cache, or whole with its hash checked, or, without a cache, by ranges. */
import { memorySource, type ByteSource } from '../bytes/source.ts'
import { refuse } from '../refuse.ts'
import { download, type DownloadOptions } from './download.ts'
import type { Expected } from './file-hash.ts'
import { memoryDraft, type FileCache } from './draft.ts'
import { openHttp } from './http-source.ts'

export interface RemoteFile extends Expected {
  url: string
  /** Cache key that identifies exactly these bytes: a commit, a hash, or an address with its validator. undefined if there is none; then nothing is cached. */
  key?: string | undefined
}

/** Without a cache, files up to this size are downloaded whole, so that their hash can be checked; larger ones are read by ranges. */
const wholeLimitBytes = 64 << 20

/** undefined when there is no such file. @throws WeightError when the content is not what was expected. */
export async function fetchFile(
  file: RemoteFile,
  cache: FileCache | undefined,
  options: DownloadOptions,
): Promise<ByteSource | undefined> {
  if (cache && file.key !== undefined) {
    const hit = await cache.open(file.key, file, options.signal)
    if (hit && hit.size === (file.sizeBytes ?? hit.size)) return hit
    await hit?.close()
    return (await download(file.url, await cache.draft(file.key), file, options))
      ? cache.open(file.key, file, options.signal)
      : undefined
  }
  if (file.sizeBytes !== undefined && file.sizeBytes <= wholeLimitBytes) {
    const draft = memoryDraft(file.url)
    return (await download(file.url, draft, file, options)) ? memorySource(file.url, draft.bytes()) : undefined
  }
  const source = await openHttp(file.url, options)
  if (source && source.size !== (file.sizeBytes ?? source.size)) {
    return refuse(source.name, 'file-length', `the server has ${source.size} bytes, expected are ${file.sizeBytes}`)
  }
  return source
}
