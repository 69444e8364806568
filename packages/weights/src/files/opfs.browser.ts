/**
 * Files in the origin-private file system (OPFS) of a browser, by path from its root. A file written here appears when it is
 * committed: the browser keeps what `createWritable` receives in a temporary file until it is closed.
 */
import { ConfigError } from '@casa-js/base'
import type { FolderSink, FolderSource } from '../bytes/folder.ts'
import type { ByteSink } from '../bytes/sink.ts'
import { blobSource, type ByteSource } from '../bytes/source.ts'
import { refuse } from '../refuse.ts'

/** @throws WeightError when there is no such file. */
export async function opfsFile(path: string): Promise<ByteSource> {
  return (await openFile(path)) ?? refuse(path, 'missing', 'there is no such file in the private file system of this origin')
}

/** @param path with or without the prefix "opfs:" */
export function opfsFolder(path: string): FolderSource & FolderSink {
  return { name: path, open: (file) => openFile(`${path}/${file}`), create: (file) => opfsSink(`${path}/${file}`) }
}

/** Folders cannot be renamed here: each file appears whole, and the weights come last. */
export async function writeFolderWhole<T>(
  path: string,
  _options: unknown,
  write: (folder: FolderSource & FolderSink) => Promise<T>,
): Promise<T> {
  if (!path.startsWith('opfs:'))
    throw new ConfigError(
      'folder',
      `a page can only write to its private file system: expected "opfs:..", found ${JSON.stringify(path)}`,
    )
  return write(opfsFolder(path))
}

export async function opfsSink(path: string): Promise<ByteSink> {
  const handle = await opfsHandle(path, true)
  const stream = await handle!.createWritable()
  let finished = false
  return {
    name: path,
    write: (bytes) => stream.write(bytes as Uint8Array<ArrayBuffer>),
    async commit() {
      await stream.close()
      finished = true
    },
    async abort() {
      if (finished) return
      finished = true
      await stream.abort()
    },
  }
}

/** The handle of a file; undefined when it or a parent folder does not exist and is not to be created. */
export async function opfsHandle(path: string, create: boolean): Promise<FileSystemFileHandle | undefined> {
  const parts = path
    .replace(/^opfs:/, '')
    .split('/')
    .filter((part) => part !== '' && part !== '.')
  const file = parts.pop()
  if (file === undefined) return refuse(path, 'missing', 'this is not the path of a file')
  try {
    let folder = await navigator.storage.getDirectory()
    for (const part of parts) folder = await folder.getDirectoryHandle(part, { create })
    return await folder.getFileHandle(file, { create })
  } catch (error) {
    if ((error as DOMException).name === 'NotFoundError' && !create) return undefined
    throw error
  }
}

async function openFile(path: string): Promise<ByteSource | undefined> {
  const handle = await opfsHandle(path, false)
  return handle && blobSource(path, await handle.getFile())
}
