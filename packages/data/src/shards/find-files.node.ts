/** Finds the files of a dataset: in a folder, on a server, on the Hugging Face hub, or named one by one. */
import { readdir, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { FileError } from '@casa-js/base'
import { fileSource, type ByteSource, type HttpOptions } from '@casa-js/weights'
import { openHttp } from '@casa-js/weights/internal'

/** A file, and where it lies within its folder or repository. */
export interface FoundFile {
  /** With forward slashes, e.g. "DocVQA/validation-00000-of-00006.parquet". */
  path: string
  open(): Promise<ByteSource>
}

export interface FindOptions extends HttpOptions {
  /** Another hub. Default https://huggingface.co. */
  hubUrl?: string | undefined
}

/**
 * Files of one kind at an address: a file, a folder that holds some, the address of a file (https://..), or a dataset of the hub
 * ("hub:owner/name", or "hub:owner/name@revision").
 *
 * @param extension of the files, e.g. ".parquet"
 * @returns in the order of their paths; none when there are none
 * @throws FileError when the address cannot be read
 */
export async function findFiles(address: string, extension: string, options: FindOptions = {}): Promise<FoundFile[]> {
  if (address.startsWith('hub:')) return findOnHub(address.slice('hub:'.length), extension, options)
  if (/^https?:/.test(address)) return [remote(new URL(address).pathname.slice(1), address, options)]
  const found = await stat(address).catch((error: Error) => {
    throw new FileError(address, `cannot be read: ${error.message}`, { cause: error })
  })
  if (!found.isDirectory()) return [{ path: address.split(sep).join('/'), open: () => fileSource(address) }]
  const entries = await readdir(address, { withFileTypes: true, recursive: true })
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => ({ path: relative(address, file).split(sep).join('/'), open: () => fileSource(file) }))
}

async function findOnHub(name: string, extension: string, options: FindOptions): Promise<FoundFile[]> {
  const { hubUrl = 'https://huggingface.co', fetch: get = fetch, headers } = options
  const [repository, revision = 'main'] = name.split('@') as [string, string?]
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository)) throw new FileError(`hub:${name}`, 'expected hub:owner/name')
  const paths: string[] = []
  let next: string | undefined = `${hubUrl}/api/datasets/${repository}/tree/${encodeURIComponent(revision)}?recursive=true`
  while (next) {
    const answer: Response = await get(next, { ...(headers && { headers }) }).catch((error: Error) => {
      throw new FileError(`hub:${name}`, `the hub cannot be reached: ${error.message}`, { cause: error })
    })
    if (!answer.ok)
      throw new FileError(`hub:${name}`, `the hub answers ${answer.status}: is it the name of a dataset, and public?`)
    const entries = (await answer.json()) as { type?: string; path?: string }[]
    for (const { type, path } of entries) if (type === 'file' && path?.endsWith(extension)) paths.push(path)
    next = /<([^>]+)>;\s*rel="next"/.exec(answer.headers.get('link') ?? '')?.[1]
  }
  const urlOf = (path: string): string =>
    `${hubUrl}/datasets/${repository}/resolve/${encodeURIComponent(revision)}/${path.split('/').map(encodeURIComponent).join('/')}`
  return paths.sort().map((path) => remote(path, urlOf(path), options))
}

function remote(path: string, url: string, options: HttpOptions): FoundFile {
  return {
    path,
    async open() {
      const source = await openHttp(url, options)
      if (!source) throw new FileError(url, 'there is no such file')
      return source
    },
  }
}
