/** Lists, verifies and clears a cache folder. Files that the cache did not create are never touched. */
import { readdir, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { FileError } from '@casa-js/base'
import { hashOf } from '../remote/file-hash.ts'
import { defaultCacheFolder } from './cache.node.ts'
import { openFile } from './fs.node.ts'
import { readSeal, sealFolder } from './sealed.node.ts'

export interface CachedFile {
  /** As the cache names it, e.g. "hub/organisation/name/COMMIT/config.json". */
  key: string
  /** Absolute. */
  path: string
  sizeBytes: number
  /** When it was written last, ms since 1970. */
  modifiedMs: number
  /** A partial download, kept so that it can be resumed. */
  isPartial: boolean
}

export interface VerifiedFile extends CachedFile {
  /** 'unknown': stored by an older version, without a hash; it is downloaded again on next use. */
  state: 'good' | 'damaged' | 'unknown' | 'partial'
}

export interface CacheRun {
  /** The cache folder. Default: CASA_CACHE, or casa-js in the user's cache folder. */
  folder?: string | undefined
  /** Which files; default: all. */
  match?: ((file: CachedFile) => boolean) | undefined
  signal?: AbortSignal | undefined
}

/** Folders that the cache creates below its root. */
const rooms = ['hub', 'http', 'sha256']

/** Every file of a cache folder, by key. An absent folder holds none. */
export async function listCache({ folder = defaultCacheFolder(), match = () => true }: CacheRun = {}): Promise<CachedFile[]> {
  const root = resolve(folder)
  const files: CachedFile[] = []
  for (const room of rooms) {
    for (const path of await filesBelow(join(root, room))) {
      // The state file of a partial download belongs to it.
      if (path.endsWith('.part.json')) continue
      const { size, mtimeMs } = await stat(path)
      const key = relative(root, path).split(sep).join('/')
      const file = { key, path, sizeBytes: size, modifiedMs: mtimeMs, isPartial: path.endsWith('.part') }
      if (match(file)) files.push(file)
    }
  }
  return files.sort((a, b) => (a.key < b.key ? -1 : 1))
}

/**
 * Reads every file of a cache folder and compares its hash with that of the download. Changes nothing: a damaged file is fetched
 * again when it is used next.
 */
export async function* verifyCache(run: CacheRun = {}): AsyncGenerator<VerifiedFile> {
  const root = resolve(run.folder ?? defaultCacheFolder())
  for (const file of await listCache(run)) {
    run.signal?.throwIfAborted()
    yield { ...file, state: await stateOf(file, root, run.signal) }
  }
}

/**
 * Removes files from a cache folder.
 * @returns what was removed
 * @throws FileError when a file cannot be removed.
 */
export async function clearCache(run: CacheRun = {}): Promise<CachedFile[]> {
  const root = resolve(run.folder ?? defaultCacheFolder())
  const files = await listCache(run)
  for (const { key, path, isPartial } of files) {
    run.signal?.throwIfAborted()
    try {
      await rm(path, { force: true })
      await rm(isPartial ? `${path}.json` : join(root, sealFolder, `${key}.json`), { force: true })
    } catch (error) {
      throw new FileError(path, `it cannot be removed (${(error as NodeJS.ErrnoException).code})`, { cause: error })
    }
    await removeEmpty(dirname(path), root)
    await removeEmpty(dirname(join(root, sealFolder, key)), root)
  }
  return files
}

async function stateOf(file: CachedFile, root: string, signal?: AbortSignal): Promise<VerifiedFile['state']> {
  if (file.isPartial) return 'partial'
  const seal = await readSeal(join(root, sealFolder, `${file.key}.json`))
  if (!seal) return 'unknown'
  const source = await openFile(file.path)
  if (!source) return 'damaged'
  try {
    const isGood = source.size === seal.sizeBytes && (await hashOf(source, {}, signal)).hex() === seal.sha256
    return isGood ? 'good' : 'damaged'
  } finally {
    await source.close()
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new FileError(folder, `the cache cannot be read (${error.code})`, { cause: error })
  })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** Removes empty folders up to, but not including, the root. */
async function removeEmpty(folder: string, root: string): Promise<void> {
  for (let at = folder; at.startsWith(root + sep); at = dirname(at)) {
    try {
      await rmdir(at)
    } catch {
      return
    }
  }
}
