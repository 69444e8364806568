/** Hashes a file as it arrives, and compares it with the expected hash. */
import { createHasher } from '#platform'

/** What is known of a file in advance. Hashes in hex. */
export interface Expected {
  sizeBytes?: number | undefined
  sha256?: string | undefined
  /** The SHA-1 of a git blob: of "blob SIZE\0" and the content. Hubs give it for files stored in git itself (not LFS). */
  gitSha1?: string | undefined
}

/** What a platform offers. `hex` ends it. */
export interface Hasher {
  update(bytes: Uint8Array): void
  hex(): string
}

/** Bytes of a finished file hashed at a time. */
const rehashBytes = 4 << 20

/** The SHA-256 of the bytes so far, and the git SHA-1 where that is what is expected. */
export class FileHash {
  private readonly expected: Expected
  private readonly sha256 = createHasher('sha256')
  private readonly gitSha1?: Hasher
  private digest?: string

  constructor(expected: Expected) {
    this.expected = expected
    if (expected.sha256 !== undefined || expected.gitSha1 === undefined || expected.sizeBytes === undefined) return
    this.gitSha1 = createHasher('sha1')
    this.gitSha1.update(new TextEncoder().encode(`blob ${expected.sizeBytes}\0`))
  }

  update(bytes: Uint8Array): void {
    this.sha256.update(bytes)
    this.gitSha1?.update(bytes)
  }

  /** SHA-256 in hex; nothing can be added any more. */
  hex(): string {
    return (this.digest ??= this.sha256.hex())
  }

  /** Finishes the hash. undefined: as expected, or nothing was expected. */
  fault(): string | undefined {
    const { sha256, gitSha1 } = this.expected
    if (sha256 !== undefined) return differs('SHA-256', this.hex(), sha256)
    return this.gitSha1 && gitSha1 !== undefined ? differs('git SHA-1', this.gitSha1.hex(), gitSha1) : undefined
  }
}

function differs(kind: string, found: string, wanted: string): string | undefined {
  return found === wanted.toLowerCase() ? undefined : `the ${kind} is ${found}, expected is ${wanted.toLowerCase()}`
}

/** The hash of what a draft or a file holds. */
export async function hashOf(
  file: { readonly size: number; read(begin: number, end: number, signal?: AbortSignal): Promise<Uint8Array> },
  expected: Expected = {},
  signal?: AbortSignal,
): Promise<FileHash> {
  const hash = new FileHash(expected)
  for (let begin = 0; begin < file.size; begin += rehashBytes) {
    hash.update(await file.read(begin, Math.min(file.size, begin + rehashBytes), signal))
  }
  return hash
}
