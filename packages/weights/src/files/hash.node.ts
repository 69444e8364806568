/** Incremental file hashes with node:crypto, ten times as fast as JavaScript. */
import { createHash } from 'node:crypto'
import type { Hasher } from '../remote/file-hash.ts'

export function createHasher(kind: 'sha1' | 'sha256'): Hasher {
  const hash = createHash(kind)
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') }
}
