/**
 * A pool of open files: a checkpoint may have more shards than a process may have open files. The file that was
 * used least recently is closed and reopened when it is read; a file that was replaced in the meantime is an error.
 */
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import type { BigIntStats, Stats } from 'node:fs'
import { FileError } from '@casa-js/base'
import { refuse } from '../refuse.ts'

/** Below the usual limit of 256 on macOS. */
const openLimit = 100

/** Open files, least recently used first. */
const idle = new Set<PooledFile>()
let openFiles = 0

/** Opening a named pipe would otherwise block until it has a writer. */
const readFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

export class PooledFile {
  readonly path: string
  readonly size: number
  private readonly identity: string
  private handle: FileHandle | undefined
  private readers = 0
  private isClosed = false

  private constructor(path: string, handle: FileHandle, stat: BigIntStats) {
    this.path = path
    this.handle = handle
    this.size = Number(stat.size)
    this.identity = identityOf(stat)
  }

  /** undefined when there is no such file. @throws FileError when it is not a regular file, or may not be read. */
  static async open(path: string): Promise<PooledFile | undefined> {
    const handle = await openRegular(path)
    if (!handle) return undefined
    const file = new PooledFile(path, handle, await handle.stat({ bigint: true }))
    idle.add(file)
    await closeSome()
    return file
  }

  /** Runs `use` with the open file. */
  async with<T>(use: (handle: FileHandle) => Promise<T>): Promise<T> {
    this.readers++
    idle.delete(this)
    try {
      return await use(await this.reopened())
    } finally {
      this.readers--
      if (this.readers === 0 && !this.isClosed && this.handle) {
        idle.add(this)
        await closeSome()
      }
    }
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.letGo()
  }

  /** Closes the file; the next read reopens it. */
  async letGo(): Promise<void> {
    idle.delete(this)
    const { handle } = this
    this.handle = undefined
    if (!handle) return
    openFiles--
    await handle.close()
  }

  private async reopened(): Promise<FileHandle> {
    if (this.isClosed) return refuse(this.path, 'closed', 'the file was closed before')
    if (this.handle) return this.handle
    const handle = await openRegular(this.path)
    if (!handle) return refuse(this.path, 'changed', 'the file went away while it was read')
    // Another reader may have opened it first.
    if (this.handle) {
      openFiles--
      await handle.close()
      return this.handle
    }
    this.handle = handle
    if (identityOf(await handle.stat({ bigint: true })) !== this.identity)
      refuse(this.path, 'changed', 'the file changed while it was read; open it again')
    return handle
  }
}

async function closeSome(): Promise<void> {
  for (const file of idle) {
    if (openFiles <= openLimit) return
    await file.letGo()
  }
}

function identityOf({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return `${dev} ${ino} ${size} ${mtimeNs}`
}

async function openRegular(path: string): Promise<FileHandle | undefined> {
  let handle: FileHandle | undefined
  let stat: Stats
  try {
    handle = await open(path, readFlags)
    // Packages that yarn keeps in zip files (Plug'n'Play) open whatever is asked for, and say only here that it is missing.
    stat = await handle.stat()
  } catch (error) {
    await handle?.close()
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    if (code === 'EACCES' || code === 'EPERM') throw new FileError(path, `this file may not be read (${code})`, { cause: error })
    if (code === 'EMFILE' || code === 'ENFILE') throw new FileError(path, `too many files are open (${code})`, { cause: error })
    throw error
  }
  if (!stat.isFile()) {
    await handle.close()
    const what = stat.isDirectory() ? 'a folder' : stat.isFIFO() ? 'a named pipe' : stat.isSocket() ? 'a socket' : 'a device'
    throw new FileError(path, `this is ${what}, not a file`)
  }
  openFiles++
  return handle
}
