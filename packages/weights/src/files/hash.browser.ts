/** Incremental file hashes. Web Crypto needs all bytes at once, so these are in JavaScript. */
import { sha1 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import type { Hasher } from '../remote/file-hash.ts'

export function createHasher(kind: 'sha1' | 'sha256'): Hasher {
  const hash = kind === 'sha1' ? sha1.create() : sha256.create()
  return { update: (bytes) => void hash.update(bytes), hex: () => bytesToHex(hash.digest()) }
}
