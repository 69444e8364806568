/** What lies in a folder of cached features, and what is removed from it. Files may vanish at any time: other processes evict too. */
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FileError } from '@casa-js/base'

interface Entry {
  path: string
  bytes: number
  /** When it was used last, ms since 1970. */
  usedMs: number
}

/** Writing an entry takes milliseconds: what is older than this was left by a process that was killed. */
const abandonedAfterMs = 10 * 60_000

/**
 * Removes the least recently used entries until the others take at most `keepBytes`.
 *
 * @returns bytes of the entries that are left, and how many were removed
 * @throws FileError when the folder cannot be read
 */
export async function evictOldest(folder: string, keepBytes: number): Promise<{ keptBytes: number; evicted: number }> {
  const entries = await entriesOf(folder)
  entries.sort((a, b) => a.usedMs - b.usedMs || (a.path < b.path ? -1 : 1))
  let keptBytes = sum(entries)
  let evicted = 0
  for (const { path, bytes } of entries) {
    if (keptBytes <= keepBytes) break
    // An open file cannot be removed everywhere; then the next one goes instead.
    const removed = await rm(path, { force: true }).then(
      () => true,
      () => false,
    )
    if (!removed) continue
    keptBytes -= bytes
    evicted++
  }
  return { keptBytes, evicted }
}

/**
 * Bytes of all entries.
 * @throws FileError when the folder cannot be read
 */
export async function sumOfEntries(folder: string): Promise<number> {
  return sum(await entriesOf(folder))
}

/** Removes what killed processes left behind. */
export async function sweepUnfinished(folder: string): Promise<void> {
  for (const { path, usedMs } of await filesOf(folder)) {
    if (Date.now() - usedMs > abandonedAfterMs) await rm(path, { force: true }).catch(() => {})
  }
}

async function entriesOf(folder: string): Promise<Entry[]> {
  const names = await namesIn(folder)
  const lists = await Promise.all(names.filter((name) => /^[0-9a-f]{2}$/.test(name)).map((name) => filesOf(join(folder, name))))
  return lists.flat().filter(({ path }) => path.endsWith('.safetensors'))
}

async function filesOf(folder: string): Promise<Entry[]> {
  const found = (await namesIn(folder)).map(async (name): Promise<Entry | undefined> => {
    const path = join(folder, name)
    const file = await stat(path).catch(() => undefined)
    return file?.isFile() ? { path, bytes: file.size, usedMs: file.mtimeMs } : undefined
  })
  return (await Promise.all(found)).filter((entry) => entry !== undefined)
}

function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new FileError(folder, `the cached features cannot be listed (${error.code})`, { cause: error })
  })
}

function sum(entries: readonly Entry[]): number {
  return entries.reduce((total, { bytes }) => total + bytes, 0)
}
