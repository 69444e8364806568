/** Random access to bytes anywhere: in memory, a file, a browser's Blob or on a server. */
import { refuse } from '../refuse.ts'

export interface ByteSource {
  /** Name used in errors: a path or an address. */
  readonly name: string
  /** Bytes. Safe integer. */
  readonly size: number
  /**
   * Bytes [begin, end), exactly; the caller owns them.
   * @throws when the range is outside the file, when fewer bytes come, or when `signal` aborts.
   */
  read(begin: number, end: number, signal?: AbortSignal): Promise<Uint8Array>
  close(): Promise<void>
}

/** Throws when [begin, end) is not a range of the source. */
export function checkRange(source: { name: string; size: number }, begin: number, end: number): void {
  if (Number.isSafeInteger(begin) && Number.isSafeInteger(end) && 0 <= begin && begin <= end && end <= source.size) return
  refuse(source.name, 'range', `bytes ${begin} to ${end} were asked of a file of ${source.size} bytes`)
}

/** Bytes in memory. Reads are copies. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  const source: ByteSource = {
    name,
    size: bytes.byteLength,
    async read(begin, end, signal) {
      signal?.throwIfAborted()
      checkRange(source, begin, end)
      return new Uint8Array(bytes.subarray(begin, end))
    },
    async close() {},
  }
  return source
}

/** A Blob or File, as returned by a browser's file picker or private file system. */
export function blobSource(name: string, blob: Blob): ByteSource {
  const source: ByteSource = {
    name,
    size: blob.size,
    async read(begin, end, signal) {
      signal?.throwIfAborted()
      checkRange(source, begin, end)
      const bytes = new Uint8Array(await blob.slice(begin, end).arrayBuffer())
      if (bytes.byteLength !== end - begin) {
        refuse(name, 'range', `${end - begin} bytes were asked, ${bytes.byteLength} came: the file changed while it was read`)
      }
      return bytes
    },
    async close() {},
  }
  return source
}

/** Text files of a model are small; a larger file cannot be one of them. */
const defaultTextLimitBytes = 16 << 20

/**
 * All bytes as UTF-8 text.
 * @param limitBytes larger files are refused before they are read. Default 16 MiB.
 * @throws WeightError when the file is too large or not UTF-8.
 */
export async function readText(
  source: ByteSource,
  signal?: AbortSignal,
  limitBytes: number = defaultTextLimitBytes,
): Promise<string> {
  if (source.size > limitBytes)
    refuse(source.name, 'too-large', `${source.size} bytes are too many for this file; at most ${limitBytes} are read`)
  const bytes = await source.read(0, source.size, signal)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return refuse(source.name, 'utf-8', 'not UTF-8 text')
  }
}
