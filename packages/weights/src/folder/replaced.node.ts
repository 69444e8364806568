/**
 * Where the old folder is kept while it is replaced: next to it, under a known name, so that a process killed in between leaves
 * something that the next one can finish.
 */
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { folderMark, parseMark, type FolderMark } from './mark.ts'

/** Name of the folder that is being replaced. */
export function replacedPath(folder: string): string {
  return `${folder}.casa-replaced`
}

/** The mark of a folder; undefined when it has none. */
export async function markOf(folder: string): Promise<FolderMark | undefined> {
  const text = await readFile(join(resolve(folder), folderMark), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : parseMark(text)
}

/** Completes a replacement interrupted by a kill: the old folder is restored, or the files to be kept are moved to the new one. */
export async function finishReplacement(folder: string): Promise<void> {
  const replaced = replacedPath(folder)
  if (!(await isThere(replaced))) return
  if (await isThere(folder)) await keepForeign(replaced, folder)
  else await rename(replaced, folder)
}

/** Moves to `folder` the files that it lacks and that the old folder did not list as its own; the rest of the old folder is removed. */
export async function keepForeign(replaced: string, folder: string): Promise<void> {
  const ours = new Set([folderMark, ...Object.keys((await markOf(replaced))?.files ?? {})])
  const present = new Set(await readdir(folder))
  for (const name of await readdir(replaced)) {
    if (!present.has(name) && !ours.has(name)) await rename(join(replaced, name), join(folder, name))
  }
  await rm(replaced, { recursive: true, force: true })
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
