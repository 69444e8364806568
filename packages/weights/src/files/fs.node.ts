/** Files and folders of Node's file system. */
import { randomBytes } from 'node:crypto'
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { ConfigError, FileError, WeightError } from '@casa-js/base'
import type { FolderSink, FolderSource } from '../bytes/folder.ts'
import type { ByteSink } from '../bytes/sink.ts'
import { checkRange, type ByteSource } from '../bytes/source.ts'
import { refuse } from '../refuse.ts'
import { PooledFile } from './handles.node.ts'

/**
 * Opens a file on disk for reading. Close it when done; it may be closed and reopened in between when many files are open.
 * @throws WeightError when there is no such file; FileError when it is a folder, a pipe or a device, or may not be read.
 */
export async function fileSource(path: string): Promise<ByteSource> {
  return (await openFile(path)) ?? refuse(path, 'missing', 'there is no such file')
}

/** A folder on disk; nothing is opened yet, and a folder that does not exist counts as empty. */
export function fsFolder(path: string): FolderSource & FolderSink {
  if (path.startsWith('opfs:'))
    throw new ConfigError('folder', `${JSON.stringify(path)}: only a browser has a private file system`)
  const folder = resolve(path)
  return { name: path, open: (file) => openFile(join(folder, file)), create: (file) => fileSink(join(folder, file)) }
}

/**
 * A file that appears whole or not at all: written to a temporary file next to it, flushed to disk, then renamed over the old file.
 * Missing folders are made.
 */
export async function fileSink(path: string): Promise<ByteSink> {
  const folder = dirname(resolve(path))
  await explained(folder, () => mkdir(folder, { recursive: true }))
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`
  const handle = await explained(path, () => open(temporary, 'wx'))
  let finished = false
  return {
    name: path,
    write: (bytes) => explained(path, () => writeAll(handle, bytes)),
    async commit() {
      await explained(path, () => handle.sync())
      await handle.close()
      await rename(temporary, path)
      finished = true
      await syncFolder(folder)
    },
    async abort() {
      if (finished) return
      finished = true
      // After a failed commit the handle may already be closed; then closing throws, which is ignored.
      await handle.close().catch(() => {})
      await rm(temporary, { force: true })
    },
  }
}

/** As `fileSource`, but undefined when there is no such file. */
export async function openFile(path: string): Promise<ByteSource | undefined> {
  const file = await PooledFile.open(path)
  if (!file) return undefined
  const source: ByteSource = {
    name: path,
    size: file.size,
    async read(begin, end, signal) {
      signal?.throwIfAborted()
      checkRange(source, begin, end)
      return file.with((handle) => readExactly(handle, path, file.size, begin, end, signal))
    },
    close: () => file.close(),
  }
  return source
}

async function readExactly(
  handle: FileHandle,
  path: string,
  size: number,
  begin: number,
  end: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - begin)
  for (let at = 0; at < bytes.length;) {
    // One read call takes at most 2^31 - 1 bytes.
    const { bytesRead } = await handle.read(bytes, at, Math.min(bytes.length - at, 1 << 30), begin + at)
    if (bytesRead === 0)
      refuse(path, 'file-length', `the file ended at byte ${begin + at} of ${size}: it was cut while it was read`)
    at += bytesRead
    signal?.throwIfAborted()
  }
  return bytes
}

/** Writes all bytes at the handle's position. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, at, Math.min(bytes.length - at, 1 << 30))
    at += bytesWritten
  }
}

/** Makes the rename itself survive a power cut. Not every platform can open a folder; there the rename alone must suffice. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined)
  await handle?.sync().catch(() => {})
  await handle?.close()
}

/** Readable messages for the system's write errors. */
const writeFaults: Record<string, string> = {
  EACCES: 'there is no right to write here',
  EPERM: 'there is no right to write here',
  EROFS: 'the disk is read-only',
  ENOTDIR: 'a file stands where a folder is needed',
  EEXIST: 'a file stands where a folder is needed',
  EISDIR: 'a folder of this name is in the way',
}

/** Runs a write operation; system errors become a FileError with a readable message. */
export async function explained<T>(path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new WeightError(`${path}: the disk is full; free some space and try again. What was there before is untouched`, {
        file: path,
        rule: 'disk-full',
        cause: error,
      })
    }
    const fault = writeFaults[code]
    if (fault === undefined) throw error
    throw new FileError(path, `${fault} (${code}); choose another place`, { cause: error })
  }
}
