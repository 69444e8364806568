/**
 * What is recorded of a finished file in a cache: its hash when it was downloaded, and the state of the file on disk when that
 * hash was last verified. As long as the state is unchanged the file is trusted; otherwise it is hashed again.
 */
import { hashOf, type Expected } from '../remote/file-hash.ts'
import type { ByteSource } from '../bytes/source.ts'

export interface Seal {
  sizeBytes: number
  /** Hex. */
  sha256: string
  /** Size, date and inode of the file when its hash was last checked; undefined if it was never checked since it was written. */
  checked?: string | undefined
}

/**
 * Checks a file against its seal.
 * @param seal undefined for files stored by an older version, and for those whose seal is gone: then only the expected hash counts.
 * @param state of the file now
 * @returns the seal to store, the same object when nothing changed; undefined when the file is damaged or nothing is known about it
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

/** undefined for text that is not a seal. */
export function parseSeal(text: string): Seal | undefined {
  try {
    const { sizeBytes, sha256, checked } = Object(JSON.parse(text)) as Record<string, unknown>
    if (typeof sha256 !== 'string' || !Number.isSafeInteger(sizeBytes)) return undefined
    return { sizeBytes: sizeBytes as number, sha256, ...(typeof checked === 'string' && { checked }) }
  } catch {
    return undefined
  }
}
