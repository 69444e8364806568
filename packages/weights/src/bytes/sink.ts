/** An atomic byte sink: bytes are written in order and appear all at once on commit, or not at all. */
import { StateError } from '@casa-js/base'

export interface ByteSink {
  readonly name: string
  write(bytes: Uint8Array): Promise<void>
  /** The file appears, complete and on the disk. */
  commit(): Promise<void>
  /** Discards what was written; an existing file is kept. No effect after `commit`. */
  abort(): Promise<void>
}

export interface MemorySink extends ByteSink {
  /** After `commit`: everything that was written. */
  bytes(): Uint8Array
}

/** A sink into memory: `bytes()` gives everything once it is committed. */
export function memorySink(name: string): MemorySink {
  const parts: Uint8Array[] = []
  let whole: Uint8Array | undefined
  return {
    name,
    async write(bytes) {
      parts.push(bytes.slice())
    },
    async commit() {
      whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
      let at = 0
      for (const part of parts) {
        whole.set(part, at)
        at += part.byteLength
      }
    },
    async abort() {
      parts.length = 0
    },
    bytes() {
      if (!whole) throw new StateError(`${name}: not committed`)
      return whole
    },
  }
}

/** Runs `write` on a sink, then commits it; on an error it aborts the sink and rethrows. */
export async function commitAfter(sink: ByteSink, write: () => Promise<void>): Promise<void> {
  try {
    await write()
    await sink.commit()
  } catch (error) {
    await sink.abort()
    throw error
  }
}
