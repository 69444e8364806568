/** A file in the making: what a download has brought so far, kept so that a later attempt, or a later run, can go on. */
import type { ByteSource } from '../bytes/source.ts'
import type { Expected } from './file-hash.ts'

export interface DraftState {
  /** What the server called this version of the file; undefined when it gave nothing to go by. */
  validator?: string | undefined
  totalBytes?: number | undefined
}

export interface Draft {
  readonly name: string
  /** Bytes kept. */
  readonly size: number
  /** What was known when the first byte was written. */
  readonly state: DraftState
  /** Forget all bytes; those to come are of this version. */
  reset(state: DraftState): Promise<void>
  append(bytes: Uint8Array): Promise<void>
  read(begin: number, end: number): Promise<Uint8Array>
  /**
   * The file is complete and right: it appears under its name.
   * @param sha256 hash of its bytes, in hex, by which damage is noticed later
   */
  commit(sha256: string): Promise<void>
  /** Keep what is there for later. */
  release(): Promise<void>
}

/** A place for finished files and drafts. Keys look like relative paths; the same key always means the same bytes. */
export interface FileCache {
  /**
   * undefined when there is no finished file of this key. A file is hashed when it is opened for the first time, and whenever its
   * size, date or inode is another; one that is damaged, or of which nothing is known, counts as none and is removed.
   */
  open(key: string, expected?: Expected, signal?: AbortSignal): Promise<ByteSource | undefined>
  /** Whoever holds a draft holds it alone. */
  draft(key: string): Promise<Draft>
}

/** A draft without a disk, for files that are small. */
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
