/**
 * A cache in the origin-private file system. There is no rename, so a file is complete when its note file says so. A Web Lock
 * per key prevents two tabs from writing to the same file.
 */
import { WeightError } from '@casa-js/base'
import { blobSource, readText } from '../bytes/source.ts'
import { refuse } from '../refuse.ts'
import type { Draft, DraftState, FileCache } from '../remote/draft.ts'
import { opfsHandle } from './opfs.browser.ts'
import { checkSeal, parseSeal, type Seal } from './seal.ts'

interface Note {
  state: DraftState
  /** Of a finished file. */
  seal?: Seal | undefined
}

/** @param folder path from the root of the private file system. */
export function opfsCache(folder = 'casa-js'): FileCache {
  return {
    async open(key, expected = {}, signal) {
      const path = `${folder}/${key}`
      const { state, seal } = await readNote(path)
      const handle = seal && (await opfsHandle(path, false))
      if (!seal || !handle) return undefined
      const file = await handle.getFile()
      const source = blobSource(path, file)
      const checked = await checkSeal(source, seal, `${file.size} ${file.lastModified}`, expected, signal)
      if (!checked) {
        await writeNote(path, { state: {} })
        await (await handle.createWritable()).close()
        return undefined
      }
      if (checked !== seal) await writeNote(path, { state, seal: checked })
      return source
    },
    draft: (key) => OpfsDraft.take(`${folder}/${key}`),
  }
}

class OpfsDraft implements Draft {
  readonly name: string
  size: number
  state: DraftState
  private readonly handle: FileSystemFileHandle
  private readonly unlock: () => void
  private file?: OpenFile | undefined

  private constructor(name: string, handle: FileSystemFileHandle, size: number, state: DraftState, unlock: () => void) {
    this.name = name
    this.handle = handle
    this.size = size
    this.state = state
    this.unlock = unlock
  }

  static async take(path: string): Promise<OpfsDraft> {
    const unlock = await lock(`casa-js:${path}`)
    try {
      const { state } = await readNote(path)
      const handle = (await opfsHandle(path, true))!
      const { size } = await handle.getFile()
      return new OpfsDraft(path, handle, size, state, unlock)
    } catch (error) {
      unlock()
      throw error
    }
  }

  async reset(state: DraftState): Promise<void> {
    await this.flush()
    await (await this.handle.createWritable()).close()
    await writeNote(this.name, { state })
    this.size = 0
    this.state = state
  }

  async append(bytes: Uint8Array): Promise<void> {
    await explained(this.name, async () => {
      this.file ??= await openForWriting(this.handle)
      await this.file.write(bytes as Uint8Array<ArrayBuffer>, this.size)
    })
    this.size += bytes.byteLength
  }

  async read(begin: number, end: number): Promise<Uint8Array> {
    await this.flush()
    return blobSource(this.name, await this.handle.getFile()).read(begin, end)
  }

  async commit(sha256: string): Promise<void> {
    await this.flush()
    const { size } = await this.handle.getFile()
    if (size !== this.size) refuse(this.name, 'file-length', `${this.size} bytes were written, ${size} are there`)
    await writeNote(this.name, { state: this.state, seal: { sizeBytes: size, sha256 } })
    this.unlock()
  }

  async release(): Promise<void> {
    await this.flush()
    this.unlock()
  }

  private async flush(): Promise<void> {
    const { file } = this
    this.file = undefined
    await explained(this.name, async () => file?.close())
  }
}

/** A file that is being written. */
interface OpenFile {
  write(bytes: Uint8Array<ArrayBuffer>, at: number): void | Promise<void>
  close(): void | Promise<void>
}

/** What a file handle has in workers only. */
interface WorkerFileHandle {
  createSyncAccessHandle?(): Promise<{
    write(bytes: Uint8Array<ArrayBuffer>, options: { at: number }): number
    getSize(): number
    close(): void
  }>
}

/**
 * In a worker bytes go straight into the file, so that what came before a closed tab is kept. Elsewhere the browser collects them in a
 * file of its own until it is closed.
 */
async function openForWriting(handle: FileSystemFileHandle & WorkerFileHandle): Promise<OpenFile> {
  const file = await handle.createSyncAccessHandle?.()
  if (file)
    return {
      write(bytes, at) {
        file.write(bytes, { at })
        // Chromium writes what fits, and says that it wrote all.
        if (file.getSize() < at + bytes.byteLength) throw new DOMException('a short write', 'QuotaExceededError')
      },
      close: () => file.close(),
    }
  const stream = await handle.createWritable({ keepExistingData: true })
  return {
    write: (data, position) => stream.write({ type: 'write', position, data }),
    close: () => stream.close(),
  }
}

/** Runs a write operation; a browser that is out of room is explained. */
async function explained<T>(path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if ((error as DOMException).name !== 'QuotaExceededError') throw error
    const { usage = 0, quota = 0 } = await navigator.storage.estimate().catch((): StorageEstimate => ({}))
    const [used, all] = [usage, quota].map((bytes) => `${Math.round(bytes / 1e6)} MB`)
    throw new WeightError(
      `${path}: the browser's storage for this page is full (${used} of ${all}): remove models that are kept here, or free space on the disk`,
      { file: path, rule: 'disk-full', cause: error },
    )
  }
}

/** Another tab may write the note meanwhile: then the browser refuses to read the file of before, and the one of after is read. */
async function readNote(path: string, attempts = 5): Promise<Note> {
  const file = await (await opfsHandle(`${path}.note.json`, false))?.getFile()
  if (!file || file.size === 0) return { state: {} }
  let text: string
  try {
    text = await readText(blobSource(path, file))
  } catch (error) {
    if ((error as DOMException).name === 'NotReadableError' && attempts > 1) return readNote(path, attempts - 1)
    throw error
  }
  const note = parseNote(text)
  return { state: Object(note['state']) as DraftState, seal: parseSeal(JSON.stringify(note['seal'] ?? null)) }
}

/** An incomplete note counts as missing: the file is downloaded again. */
function parseNote(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>
  } catch {
    return {}
  }
}

async function writeNote(path: string, note: Note): Promise<void> {
  const stream = await (await opfsHandle(`${path}.note.json`, true))!.createWritable()
  await stream.write(JSON.stringify(note))
  await stream.close()
}

/** Resolves to a release function once the lock is held. */
function lock(name: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    navigator.locks.request(name, () => new Promise<void>((release) => resolve(release))).catch(reject)
  })
}
