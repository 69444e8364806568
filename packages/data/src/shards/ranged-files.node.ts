/**
 * Ranges of many files, on disk or on a server. A file on disk is open only while it is read, and the system caches it. Of a file on a
 * server pieces of 1 MiB are asked for and kept, because the examples of a shuffle's window lie near one another.
 */
import { LRUCache } from 'lru-cache'
import { ArgumentError, FileError } from '@casa-js/base'
import { fileSource, type ByteSource, type HttpOptions } from '@casa-js/weights'
import { openHttp } from '@casa-js/weights/internal'

/** A file by name, read by ranges. */
export interface RangedFile {
  readonly name: string
  size(): Promise<number>
  /** Bytes [begin, end). */
  read(begin: number, end: number): Promise<Uint8Array>
}

export interface RangedFiles {
  /** @param address a path, or an address that begins with http:// or https:// */
  at(address: string): RangedFile
}

const pieceBytes = 1 << 20
/** Files on servers that are remembered as open. */
const openFiles = 64

export const isAddress = (text: string): boolean => /^https?:\/\//.test(text)

/** @param bufferBytes of files on servers that are kept. */
export function rangedFiles(bufferBytes: number, options: HttpOptions = {}): RangedFiles {
  if (!(bufferBytes >= pieceBytes)) throw new ArgumentError(`bufferBytes must be at least ${pieceBytes}, got ${bufferBytes}`)
  const opened = new LRUCache<string, Promise<ByteSource>>({ max: openFiles })
  const pieces = new LRUCache<string, Promise<Uint8Array>>({ max: Math.floor(bufferBytes / pieceBytes) })

  /** What failed is asked for again next time. */
  function remember<T extends object>(cache: LRUCache<string, Promise<T>>, key: string, load: () => Promise<T>): Promise<T> {
    const held = cache.get(key)
    if (held) return held
    const loading = load()
    cache.set(key, loading)
    loading.catch(() => cache.delete(key))
    return loading
  }

  function open(url: string): Promise<ByteSource> {
    return remember(opened, url, async () => {
      const source = await openHttp(url, options)
      if (!source) throw new FileError(url, 'there is no such file')
      return source
    })
  }

  function remote(url: string): RangedFile {
    const pieceOf = (index: number): Promise<Uint8Array> =>
      remember(pieces, `${index} ${url}`, async () => {
        const source = await open(url)
        return source.read(index * pieceBytes, Math.min(source.size, (index + 1) * pieceBytes))
      })
    return {
      name: url,
      size: async () => (await open(url)).size,
      async read(begin, end) {
        const bytes = new Uint8Array(end - begin)
        const first = Math.floor(begin / pieceBytes)
        const wanted = Array.from({ length: Math.ceil(end / pieceBytes) - first }, (_, i) => pieceOf(first + i))
        for (const [i, piece] of (await Promise.all(wanted)).entries()) {
          const at = (first + i) * pieceBytes
          bytes.set(piece.subarray(Math.max(0, begin - at), end - at), Math.max(0, at - begin))
        }
        return bytes
      },
    }
  }

  function local(path: string): RangedFile {
    async function withSource<T>(use: (source: ByteSource) => T | Promise<T>): Promise<T> {
      const source = await fileSource(path)
      try {
        return await use(source)
      } finally {
        await source.close()
      }
    }
    return {
      name: path,
      size: () => withSource(({ size }) => size),
      read: (begin, end) => withSource((source) => source.read(begin, end)),
    }
  }

  return { at: (address) => (isAddress(address) ? remote(address) : local(address)) }
}
