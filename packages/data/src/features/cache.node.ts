/**
 * A cache of features on disk, for encoders that do not train: a picture's features are computed once, not once per epoch or run.
 *
 *     FOLDER/ab/ab12..ef.safetensors      one entry: tensor "features", and in its metadata the key and a SHA-256 of key and bytes
 *     FOLDER/.new/PID-RANDOM              an entry being written; it is moved in whole
 *
 * Entries are never changed, so any number of processes may share a folder. A process that is killed leaves at most a file in .new,
 * which is swept later. An entry that is damaged, or of another key, is removed and counts as a miss.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { ArgumentError, FileError } from '@casa-js/base'
import { bf16FromFloat32, float32FromBf16 } from '@casa-js/base/internal'
import { encodeSafetensors, memorySource, Safetensors } from '@casa-js/weights'
import { evictOldest, sumOfEntries, sweepUnfinished } from './eviction.node.ts'

/** Features of one picture, or of anything else that has a key. */
export interface Features {
  shape: number[]
  /** As many as the shape says. */
  values: Float32Array
}

export interface FeatureCacheOptions {
  /** It is created when missing. Several processes may share it. */
  folder: string
  /** Bytes that all entries may take; the least recently used are removed beyond that. */
  maxBytes: number
  /** How values are stored: BF16 halves the space, and `put` returns the rounded values. Default "F32". */
  dtype?: 'F32' | 'BF16' | undefined
  /** Called once if entries cannot be written, e.g. on a full disk. The cache then goes on without them. */
  onWarning?: ((message: string) => void) | undefined
}

/** Counts since the cache was created, of this process alone. */
export interface FeatureCacheStats {
  hits: number
  misses: number
  /** Misses whose entry was there but damaged; it was removed. */
  damaged: number
  stored: number
  /** Entries that could not be written. */
  failed: number
  evicted: number
}

export interface FeatureCache {
  /** Features stored under a key, float32 in the shape they were put with; undefined when there are none, or they are damaged. */
  get(key: string): Promise<Features | undefined>
  /**
   * Stores features. A failure to write is no error: see `onWarning`.
   *
   * @returns the features as `get` gives them: rounded when the cache stores BF16. Use these, so that a run does not depend on what
   *   was in the cache.
   * @throws ArgumentError when the values are not as many as the shape says
   */
  put(key: string, features: Features): Promise<Features>
  stats(): FeatureCacheStats
}

const tensorName = 'features'
/** Folder of entries that are being written. */
const unfinishedFolder = '.new'
/** Shares of maxBytes: what an eviction keeps, and what a process writes at most before it looks at the folder again. */
const [keptShare, writtenShare] = [0.85, 0.075]

/**
 * Opens a cache of features in a folder. It needs no closing.
 *
 * Evictions keep 85 % of `maxBytes`. One process never exceeds `maxBytes`, nor do two of them unless an entry takes more than 7.5 % of it;
 * each further process that shares the folder may add 7.5 %, or one entry, for a while. An entry of more than 85 % is not stored.
 *
 * @throws ArgumentError for a limit that is not a positive number; FileError when the folder cannot be created or read
 */
export async function createFeatureCache(options: FeatureCacheOptions): Promise<FeatureCache> {
  const { maxBytes, dtype = 'F32', onWarning } = options
  if (!(maxBytes > 0)) throw new ArgumentError(`maxBytes must be a positive number of bytes, got ${maxBytes}`)
  const folder = resolve(options.folder)
  const unfinished = join(folder, unfinishedFolder)
  await mkdir(unfinished, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new FileError(folder, `it cannot hold a cache (${error.code}); choose another folder`, { cause: error })
  })
  await sweepUnfinished(unfinished)
  const stats: FeatureCacheStats = { hits: 0, misses: 0, damaged: 0, stored: 0, failed: 0, evicted: 0 }
  let seenBytes = await sumOfEntries(folder)
  /** Of this process since: bytes of entries being written, and of those that are. */
  let [pendingBytes, writtenBytes] = [0, 0]
  let evicting: Promise<void> | undefined
  let warned = false

  function pathOf(key: string): string {
    const name = createHash('sha256').update(key).digest('hex')
    return join(folder, name.slice(0, 2), `${name}.safetensors`)
  }

  async function store(path: string, bytes: Uint8Array): Promise<void> {
    const aside = join(unfinished, `${process.pid}-${randomBytes(6).toString('hex')}`)
    try {
      await makeRoom()
      await writeFile(aside, bytes, { flag: 'wx' })
      await mkdir(dirname(path), { recursive: true })
      await rename(aside, path)
      writtenBytes += bytes.byteLength
      stats.stored++
    } catch (error) {
      await rm(aside, { force: true }).catch(() => {})
      stats.failed++
      if (!warned)
        onWarning?.(`${folder}: features cannot be stored (${(error as Error).message}); they are computed again instead`)
      warned = true
    }
  }

  /** Other processes write too, so the folder itself is asked from time to time. */
  async function makeRoom(): Promise<void> {
    while (evicting) await evicting
    const ownBytes = pendingBytes + writtenBytes
    if (ownBytes <= maxBytes * writtenShare && seenBytes + ownBytes <= maxBytes * (keptShare + writtenShare)) return
    const alreadyWritten = writtenBytes
    evicting = evictOldest(folder, Math.max(0, maxBytes * keptShare - pendingBytes)).then(({ keptBytes, evicted }) => {
      seenBytes = keptBytes
      writtenBytes -= alreadyWritten
      stats.evicted += evicted
    })
    try {
      await evicting
    } finally {
      evicting = undefined
    }
  }

  return {
    async get(key) {
      const path = pathOf(key)
      const bytes = await readFile(path).catch(() => undefined)
      const found = bytes && (await decodeEntry(path, key, bytes))
      if (found) {
        stats.hits++
        // The time of the last use decides what is evicted. Another process may have just evicted it.
        const now = new Date()
        await utimes(path, now, now).catch(() => {})
        return found
      }
      stats.misses++
      if (bytes) {
        stats.damaged++
        await rm(path, { force: true }).catch(() => {})
      }
      return undefined
    },
    async put(key, features) {
      const { bytes, stored } = await encodeEntry(key, features, dtype)
      if (bytes.byteLength > maxBytes * keptShare) return stored
      pendingBytes += bytes.byteLength
      await store(pathOf(key), bytes)
      pendingBytes -= bytes.byteLength
      return stored
    },
    stats: () => ({ ...stats }),
  }
}

async function encodeEntry(
  key: string,
  { shape, values }: Features,
  dtype: 'F32' | 'BF16',
): Promise<{ bytes: Uint8Array; stored: Features }> {
  const size = shape.reduce((product, length) => product * length, 1)
  if (size !== values.length)
    throw new ArgumentError(`features ${key}: shape [${shape}] takes ${size} values, ${values.length} were given`)
  const halves = dtype === 'BF16' ? bf16FromFloat32(values) : undefined
  const { buffer, byteOffset, byteLength } = halves ?? values
  const data = new Uint8Array(buffer, byteOffset, byteLength)
  return {
    bytes: await encodeSafetensors({ [tensorName]: { dtype, shape, data } }, { key, sha256: checksum(key, data) }),
    stored: { shape: [...shape], values: halves ? float32FromBf16(halves) : values },
  }
}

/** undefined for bytes that are not an entry of this key, whole and unchanged. */
async function decodeEntry(path: string, key: string, bytes: Uint8Array): Promise<Features | undefined> {
  try {
    const entry = await Safetensors.open(memorySource(path, bytes))
    const { shape } = entry.entries().get(tensorName) ?? {}
    if (!shape || entry.metadata.key !== key) return undefined
    if (entry.metadata.sha256 !== checksum(key, await entry.readBytes(tensorName))) return undefined
    return { shape: [...shape], values: await entry.read(tensorName) }
  } catch {
    return undefined
  }
}

function checksum(key: string, data: Uint8Array): string {
  return createHash('sha256').update(key).update('\0').update(data).digest('hex')
}
