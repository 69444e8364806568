/**
 * A folder that appears whole or not at all: written beside its place, then renamed to it. Where a folder is replaced, what was made
 * by the same kind goes with it, files of the same names are replaced, and everything else that lay there is kept.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, rename, rm, rmdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { explained, fsFolder, syncFolder } from '../files/fs.node.ts'
import type { FolderSink, FolderSource } from '../bytes/folder.ts'
import { claimFolder, type ClaimOptions, type FolderClaim } from './claim.node.ts'
import { keepForeign, replacedPath } from './replaced.node.ts'

/**
 * Claims `path`, lets `write` fill a folder beside it, and moves that into place. When `write` throws, or the process is killed,
 * what was at `path` is still there.
 * @param write gets the folder to write to; its `name` is `path`, so that errors name what the user asked for.
 * @returns what `write` returned
 * @throws FileError when the folder must not be written to, before `write` is called.
 */
export async function writeFolderWhole<T>(
  path: string,
  options: ClaimOptions,
  write: (folder: FolderSink & FolderSource, temporary: string) => Promise<T>,
): Promise<T> {
  const claim = await claimFolder(path, options)
  const temporary = `${claim.path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`
  await explained(path, () => mkdir(temporary, { recursive: true }))
  try {
    const result = await write({ ...fsFolder(temporary), name: path }, temporary)
    await moveIn(claim, temporary)
    return result
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    throw error
  }
}

async function moveIn(claim: FolderClaim, temporary: string): Promise<void> {
  const { path, state } = claim
  if (state === 'empty') await rmdir(path)
  if (state === 'new' || state === 'empty') {
    await rename(temporary, path)
  } else {
    const replaced = replacedPath(path)
    await rename(path, replaced)
    try {
      await rename(temporary, path)
    } catch (error) {
      await rename(replaced, path)
      throw error
    }
    await keepForeign(replaced, path)
  }
  await syncFolder(dirname(path))
}
