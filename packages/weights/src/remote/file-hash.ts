/** The hash of a file as it comes, compared with the one that is expected. */
import { createHasher } from '#platform'
import type { Draft } from './draft.ts'

/** What is known of a file before it comes. Hashes in hex. */
export interface Expected {
  sizeBytes?: number | undefined
  sha256?: string | undefined
  /** The SHA-1 of a git blob: of "blob SIZE\0" and the content. Hubs give it for the files that they keep in git itself. */
  gitSha1?: string | undefined
}

/** What a platform offers. `hex` ends it. */
export interface Hasher {
  update(bytes: Uint8Array): void
  hex(): string
}

/** Bytes of an earlier run that are hashed at a time. */
const rehashBytes = 4 << 20

/** Whatever hash is expected of the bytes so far. */
export class FileHash {
  private readonly kind?: 'SHA-256' | 'git SHA-1'
  private readonly wanted?: string
  private readonly hasher?: Hasher

  constructor({ sizeBytes, sha256, gitSha1 }: Expected) {
    if (sha256 !== undefined) {
      this.kind = 'SHA-256'
      this.wanted = sha256.toLowerCase()
      this.hasher = createHasher('sha256')
    } else if (gitSha1 !== undefined && sizeBytes !== undefined) {
      this.kind = 'git SHA-1'
      this.wanted = gitSha1.toLowerCase()
      this.hasher = createHasher('sha1')
      this.hasher.update(new TextEncoder().encode(`blob ${sizeBytes}\0`))
    }
  }

  update(bytes: Uint8Array): void {
    this.hasher?.update(bytes)
  }

  /** Ends it. undefined: as expected, or nothing was. */
  fault(): string | undefined {
    const digest = this.hasher?.hex()
    return digest === this.wanted ? undefined : `the ${this.kind} is ${digest}, expected is ${this.wanted}`
  }
}

/** The hash of what a draft holds. */
export async function hashOf(draft: Draft, expected: Expected): Promise<FileHash> {
  const hash = new FileHash(expected)
  for (let begin = 0; begin < draft.size; begin += rehashBytes) {
    hash.update(await draft.read(begin, Math.min(draft.size, begin + rehashBytes)))
  }
  return hash
}
