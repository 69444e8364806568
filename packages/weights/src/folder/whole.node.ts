/**
 * A folder that appears whole or not at all: written to a temporary folder next to it, then renamed. When a folder is replaced, files written
 * earlier by the same kind are removed, files with the same names are replaced, and everything else is kept.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { explained, fileSink, fsFolder, syncFolder } from '../files/fs.node.ts'
import type { FolderSink, FolderSource } from '../bytes/folder.ts'
import { commitAfter } from '../bytes/sink.ts'
import { isAlive } from '../files/processes.node.ts'
import { claimFolder, type ClaimOptions, type FolderClaim } from './claim.node.ts'
import { folderMark, markText } from './mark.ts'
import { keepForeign, replacedPath } from './replaced.node.ts'

/**
 * Claims `path`, lets `write` fill a temporary folder, and moves that into place. When `write` throws, or the process is killed,
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
  await removeAbandoned(claim.path)
  const temporary = `${claim.path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`
  await explained(path, () => mkdir(temporary, { recursive: true }))
  try {
    const result = await write({ ...fsFolder(temporary), name: path }, temporary)
    await ensureMark(temporary, options.kind)
    await moveIn(claim, temporary)
    return result
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    throw error
  }
}

/** Partial folders left by processes that were killed while writing this one. */
async function removeAbandoned(path: string): Promise<void> {
  const prefix = `${basename(path)}.`
  for (const name of await readdir(dirname(path)).catch(() => [])) {
    const owner = name.startsWith(prefix) ? /^(\d+)-[0-9a-f]{8}\.tmp$/.exec(name.slice(prefix.length))?.[1] : undefined
    if (owner !== undefined && !isAlive(Number(owner))) await rm(join(dirname(path), name), { recursive: true, force: true })
  }
}

/** Adds a mark that lists the content, if the writer left none. */
async function ensureMark(folder: string, kind: string): Promise<void> {
  const names = await readdir(folder)
  if (names.includes(folderMark)) return
  const files = Object.fromEntries(names.map((name) => [name, {}]))
  const sink = await fileSink(join(folder, folderMark))
  await commitAfter(sink, () => sink.write(new TextEncoder().encode(markText({ kind, files }))))
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
