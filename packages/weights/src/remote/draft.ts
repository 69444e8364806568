/** A partial download, stored so that a later attempt or a later run can resume it. */
import type { ByteSource } from '../bytes/source.ts'
import type { Expected } from './file-hash.ts'

export interface DraftState {
  /** Validator of this version of the file; undefined when the server gave none. */
  validator?: string | undefined
  totalBytes?: number | undefined
}

export interface Draft {
  readonly name: string
  /** Bytes kept. */
  readonly size: number
  /** Recorded when the first byte was written. */
  readonly state: DraftState
  /** Discard all bytes; the following ones belong to this version. */
  reset(state: DraftState): Promise<void>
  append(bytes: Uint8Array): Promise<void>
  read(begin: number, end: number): Promise<Uint8Array>
  /**
   * The file is complete and verified: it appears under its name.
   * @param sha256 hash of its bytes, in hex, by which damage is noticed later
   */
  commit(sha256: string): Promise<void>
  /** Keep what is stored for later. */
  release(): Promise<void>
}

/** A place for finished files and drafts. Keys look like relative paths; the same key always means the same bytes. */
export interface FileCache {
  /**
   * undefined when there is no finished file of this key. A file is hashed when it is opened for the first time, and whenever its
   * size, date or inode has changed; one that is damaged or has no seal counts as missing and is removed.
   */
  open(key: string, expected?: Expected, signal?: AbortSignal): Promise<ByteSource | undefined>
  /** A draft has a single owner at a time. */
  draft(key: string): Promise<Draft>
}

/** A draft in memory, for small files. */
export function memoryDraft(name: string): Draft & { bytes(): Uint8Array } {
  const chunks: Uint8Array[] = []
  let size = 0
  let state: DraftState = {}
  const bytes = () => {
    const whole = new Uint8Array(size)
    let at = 0
    for (const chunk of chunks) {
      whole.set(chunk, at)
      at += chunk.byteLength
    }
    return whole
  }
  return {
    name,
    bytes,
    get size() {
      return size
    },
    get state() {
      return state
    },
    async reset(next) {
      chunks.length = size = 0
      state = next
    },
    async append(chunk) {
      chunks.push(chunk.slice())
      size += chunk.byteLength
    },
    async read(begin, end) {
      return bytes().slice(begin, end)
    },
    async commit() {},
    async release() {},
  }
}
