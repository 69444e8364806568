/**
 * What is known of a finished file in a cache: the hash that it had when it came, and the state of the file on the disk when that
 * hash was last read from it. As long as the state is the same the file is trusted; otherwise it is read and hashed once more.
 */
import { hashOf, type Expected } from '../remote/file-hash.ts'
import type { ByteSource } from '../bytes/source.ts'

export interface Seal {
  sizeBytes: number
  /** Hex. */
  sha256: string
  /** Size, date and inode of the file when its hash was last checked; undefined: never since it was written. */
  checked?: string | undefined
}

/**
 * Checks a file against its seal.
 * @param seal undefined for files that an older version kept, and for those whose seal is gone: then only what is expected counts.
 * @param state of the file now
 * @returns the seal to keep, the same object when nothing was to be done; undefined when the file is damaged or nothing is known of it
 */
export async function checkSeal(
  source: ByteSource,
  seal: Seal | undefined,
  state: string,
  expected: Expected,
  signal?: AbortSignal,
): Promise<Seal | undefined> {
  if (!seal && expected.sha256 === undefined && expected.gitSha1 === undefined) return undefined
  if (source.size !== (seal?.sizeBytes ?? expected.sizeBytes ?? source.size)) return undefined
  if (source.size !== (expected.sizeBytes ?? source.size)) return undefined
  if (seal?.checked === state && (expected.sha256 ?? seal.sha256).toLowerCase() === seal.sha256) return seal
  const hash = await hashOf(source, { sizeBytes: source.size, ...expected }, signal)
  if (hash.fault() !== undefined || hash.hex() !== (seal?.sha256 ?? hash.hex())) return undefined
  return { sizeBytes: source.size, sha256: hash.hex(), checked: state }
}

/** undefined for text that is no seal. */
export function parseSeal(text: string): Seal | undefined {
  try {
    const { sizeBytes, sha256, checked } = Object(JSON.parse(text)) as Record<string, unknown>
    if (typeof sha256 !== 'string' || !Number.isSafeInteger(sizeBytes)) return undefined
    return { sizeBytes: sizeBytes as number, sha256, ...(typeof checked === 'string' && { checked }) }
  } catch {
    return undefined
  }
}
