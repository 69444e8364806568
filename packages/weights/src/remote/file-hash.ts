/** The hash of a file as it comes, compared with the one that is expected. */
import { sha1 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { Draft } from './draft.ts'

/** What is known of a file before it comes. Hashes in lower-case hex. */
export interface Expected {
  sizeBytes?: number
  sha256?: string
  /** The SHA-1 of a git blob: of "blob SIZE\0" and the content. Hubs give it for the files that they keep in git itself. */
  gitSha1?: string
}

/** Bytes of an earlier run that are hashed at a time. */
const rehashBytes = 4 << 20

/** Whatever hash is expected of the bytes so far. */
export class FileHash {
  private readonly expected: Expected
  private readonly sha256?: ReturnType<typeof sha256.create>
  private readonly gitSha1?: ReturnType<typeof sha1.create>

  constructor(expected: Expected) {
    this.expected = expected
    if (expected.sha256 !== undefined) this.sha256 = sha256.create()
    else if (expected.gitSha1 !== undefined && expected.sizeBytes !== undefined) {
      this.gitSha1 = sha1.create().update(utf8ToBytes(`blob ${expected.sizeBytes}\0`))
    }
  }

  update(bytes: Uint8Array): void {
    this.sha256?.update(bytes)
    this.gitSha1?.update(bytes)
  }

  /** undefined: as expected, or nothing was. */
  fault(): string | undefined {
    const actual = this.sha256 ?? this.gitSha1
    if (!actual) return undefined
    const kind = this.sha256 ? 'SHA-256' : 'git SHA-1'
    const wanted = (this.sha256 ? this.expected.sha256! : this.expected.gitSha1!).toLowerCase()
    const digest = bytesToHex(actual.clone().digest())
    return digest === wanted ? undefined : `the ${kind} is ${digest}, expected is ${wanted}`
  }
}

export async function hashOf(draft: Draft, expected: Expected): Promise<FileHash> {
  const hash = new FileHash(expected)
  for (let begin = 0; begin < draft.size; begin += rehashBytes) {
    hash.update(await draft.read(begin, Math.min(draft.size, begin + rehashBytes)))
  }
  return hash
}
