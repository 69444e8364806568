/** Hashes of files as they come. Web Crypto wants all bytes at once, so this is JavaScript. */
import { sha1 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import type { Hasher } from '../remote/file-hash.ts'

export function createHasher(kind: 'sha1' | 'sha256'): Hasher {
  const hash = kind === 'sha1' ? sha1.create() : sha256.create()
  return { update: (bytes) => void hash.update(bytes), hex: () => bytesToHex(hash.digest()) }
}
