/**
 * Output files of commands: never replace files of other origin. A file is checked before the command starts to work, and written
 * to a temporary file and renamed, so that a full disk or a killed process leaves the old one.
 */
import { FileError } from '@casa-js/base'
import { fileSink } from '@casa-js/weights'
import { open, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface FileClaim {
  /** Matches the beginning of files that this command wrote; those are replaced without asking. */
  ours?: RegExp
  /** Replace whatever is there. */
  force?: boolean | undefined
}

/**
 * Checks whether a file may be written. Nothing is written yet.
 * @throws FileError naming the file, what is there, and what to do.
 */
export async function claimFile(path: string, { ours, force = false }: FileClaim = {}): Promise<void> {
  const found = await statusOf(path)
  if (!found) {
    const folder = await statusOf(dirname(path))
    if (!folder) throw new FileError(path, `there is no folder ${dirname(path)} to write it to; make it first`)
    if (!folder.isDirectory()) throw new FileError(path, `${dirname(path)} is not a folder`)
    return
  }
  if (found.isDirectory()) throw new FileError(path, 'this is a folder; give the name of a file')
  // A terminal, a pipe, /dev/null: nothing to overwrite.
  if (!found.isFile() || found.size === 0 || force) return
  if (ours?.test(await beginningOf(path))) return
  throw new FileError(
    path,
    'this file is there already, and this command did not make it. Choose another name, or add --force to replace it',
  )
}

/** Writes text atomically. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const found = await statusOf(path)
  if (found && !found.isFile()) return writeFile(path, text)
  const sink = await fileSink(path)
  try {
    await sink.write(new TextEncoder().encode(text))
    await sink.commit()
  } catch (error) {
    await sink.abort()
    throw error
  }
}

async function statusOf(path: string) {
  try {
    return await stat(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function beginningOf(path: string): Promise<string> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
