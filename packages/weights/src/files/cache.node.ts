/**
 * A cache folder. A finished file has its key as its path. A draft is KEY.OWNER.part, owner a process id and a random number, with
 * its state in a second file; a released draft has no owner. The process that renames a draft owns it, so two processes never write to one, and what
 * a killed process left behind is resumed by the next.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, writeFile, type FileHandle } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { refuse } from '../refuse.ts'
import type { Draft, DraftState, FileCache } from '../remote/draft.ts'
import { explained, syncFolder, writeAll } from './fs.node.ts'
import { isAlive } from './processes.node.ts'
import { openSealed, sealFolder, writeSeal, type Place } from './sealed.node.ts'

/** A draft is flushed and its length recorded every so many bytes; bytes beyond the recorded length may be corrupt after a power cut and are dropped. */
const checkpointBytes = 32 << 20

/** CASA_CACHE, or casa-js in the user's cache folder. */
export function defaultCacheFolder(): string {
  return process.env.CASA_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'casa-js')
}

/**
 * A download cache in a folder on disk, safe for concurrent processes.
 * @param folder default: `defaultCacheFolder()`; created when the first file is stored
 */
export function folderCache(folder: string = defaultCacheFolder()): FileCache {
  const root = resolve(folder)
  const placeOf = (key: string): Place => {
    const path = resolve(root, key)
    if (!path.startsWith(root + sep) || path.includes('\0'))
      return refuse(key, 'cache', `this is not a path inside the cache ${folder}`)
    return { path, seal: join(root, sealFolder, `${key}.json`) }
  }
  return {
    open: (key, expected, signal) => openSealed(placeOf(key), expected, signal),
    draft: (key) => FileDraft.take(placeOf(key)),
  }
}

class FileDraft implements Draft {
  readonly name: string
  size = 0
  state: DraftState = {}
  private readonly sealPath: string
  private readonly part: string
  private readonly handle: FileHandle
  private notedBytes = 0
  private isOpen = true

  private constructor({ path, seal }: Place, part: string, handle: FileHandle) {
    this.name = path
    this.sealPath = seal
    this.part = part
    this.handle = handle
  }

  static async take(place: Place): Promise<FileDraft> {
    const { path } = place
    await explained(path, () => mkdir(dirname(path), { recursive: true }))
    const part = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.part`
    for (const abandoned of await abandonedParts(path)) {
      // Another process may have been faster; then there is nothing left to rename.
      const isMine = await rename(abandoned, part).then(
        () => true,
        () => false,
      )
      if (!isMine) continue
      await rename(`${abandoned}.json`, `${part}.json`).catch(() => {})
      break
    }
    const draft = new FileDraft(place, part, await explained(path, () => open(part, 'a+')))
    await draft.resume()
    return draft
  }

  async reset(state: DraftState): Promise<void> {
    await this.handle.truncate(0)
    this.size = 0
    this.state = state
    await this.note()
  }

  async append(bytes: Uint8Array): Promise<void> {
    await explained(this.name, () => writeAll(this.handle, bytes))
    this.size += bytes.byteLength
    if (this.size - this.notedBytes >= checkpointBytes) await this.note()
  }

  async read(begin: number, end: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(end - begin)
    const { bytesRead } = await this.handle.read(bytes, 0, bytes.length, begin)
    return bytesRead === bytes.length ? bytes : refuse(this.part, 'file-length', 'the file was cut by someone else')
  }

  async commit(sha256: string): Promise<void> {
    await explained(this.name, () => this.handle.sync())
    await this.close()
    // Seal first: a file without a seal is downloaded again, and a seal without a file is ignored.
    await writeSeal(this.sealPath, { sizeBytes: this.size, sha256 })
    await rename(this.part, this.name)
    await rm(`${this.part}.json`, { force: true })
    await syncFolder(dirname(this.name))
  }

  async release(): Promise<void> {
    if (!this.isOpen) return
    if (this.size > 0) await this.note()
    await this.close()
    if (this.size > 0) {
      await rename(`${this.part}.json`, `${this.name}.part.json`)
      await rename(this.part, `${this.name}.part`)
    } else {
      await rm(this.part, { force: true })
      await rm(`${this.part}.json`, { force: true })
    }
  }

  /** Resumes the draft at its recorded length; bytes beyond that may not have reached the disk. */
  private async resume(): Promise<void> {
    const { size } = await this.handle.stat()
    const noted = await readFile(`${this.part}.json`, 'utf8').then(parseNote, () => undefined)
    if (!noted || noted.keptBytes > size) {
      await this.handle.truncate(0)
      return
    }
    await this.handle.truncate(noted.keptBytes)
    this.size = this.notedBytes = noted.keptBytes
    this.state = noted.state
  }

  private async note(): Promise<void> {
    await explained(this.name, () => this.handle.sync())
    await writeFile(`${this.part}.json`, JSON.stringify({ keptBytes: this.size, state: this.state }))
    this.notedBytes = this.size
  }

  private async close(): Promise<void> {
    this.isOpen = false
    await this.handle.close()
  }
}

function parseNote(text: string): { keptBytes: number; state: DraftState } | undefined {
  try {
    const note = JSON.parse(text)
    return Number.isSafeInteger(note?.keptBytes) && note.state ? note : undefined
  } catch {
    return undefined
  }
}

/** Unowned drafts of this file: released ones, and those of processes that have ended. */
async function abandonedParts(path: string): Promise<string[]> {
  const prefix = `${basename(path)}.`
  const files = await readdir(dirname(path))
  return files
    .filter((file) => file.startsWith(prefix) && /^(?:\d+-[0-9a-f]{8}\.)?part$/.test(file.slice(prefix.length)))
    .filter((file) => {
      const owner = /^(\d+)-/.exec(file.slice(prefix.length))?.[1]
      return owner === undefined || !isAlive(Number(owner))
    })
    .map((file) => join(dirname(path), file))
}
