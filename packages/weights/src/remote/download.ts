/**
 * Downloads a whole file into a draft: resumed after a broken connection, restarted when the file has changed on the server, and committed only
 * when its size and hash are as expected.
 */
import { refuse } from '../refuse.ts'
import type { Draft, DraftState } from './draft.ts'
import { FileHash, hashOf, type Expected } from './file-hash.ts'
import { httpGet, NoSuchRange, withoutQuery, type HttpOptions } from './http.ts'
import { PassingError, withRetries } from './retry.ts'

export interface DownloadProgress {
  file: string
  receivedBytes: number
  totalBytes?: number | undefined
}

export interface DownloadOptions extends HttpOptions {
  onProgress?: ((progress: DownloadProgress) => void) | undefined
  /** Largest accepted file in bytes, whatever size the server announces. Default: no limit. */
  limitBytes?: number | undefined
}

/** How often a download restarts when the file changes or fails its hash. */
const restartLimit = 3

/**
 * false: there is no such file, and the draft is untouched. The draft is released when anything throws.
 * @throws WeightError when the file is not what was expected, keeps changing, or the retries are used up.
 */
export async function download(
  url: string,
  draft: Draft,
  expected: Expected = {},
  options: DownloadOptions = {},
): Promise<boolean> {
  try {
    const run = new Run(url, draft, expected, options)
    const found = await withRetries(
      () => run.attempt(),
      options,
      () => run.keptBytes(),
    )
    if (found) await draft.commit(run.sha256())
    else await draft.release()
    return found
  } catch (error) {
    await draft.release()
    throw error
  }
}

class Run {
  private readonly url: string
  private readonly draft: Draft
  private readonly expected: Expected
  private readonly options: DownloadOptions
  private restarts = 0
  private attemptBytes = 0
  private hash?: FileHash

  constructor(url: string, draft: Draft, expected: Expected, options: DownloadOptions) {
    this.url = url
    this.draft = draft
    this.expected = expected
    this.options = options
  }

  async attempt(): Promise<boolean> {
    this.attemptBytes = 0
    const { draft } = this
    const isComplete = draft.size > 0 && draft.size === draft.state.totalBytes
    if (!isComplete && !(await this.receive())) return false
    await this.verify()
    return true
  }

  /** After a successful attempt. */
  sha256(): string {
    return this.hash!.hex()
  }

  /** Bytes of the last attempt that the next one can continue from. */
  keptBytes(): number {
    return this.draft.state.validator === undefined ? 0 : this.attemptBytes
  }

  /** false: there is no such file. */
  private async receive(): Promise<boolean> {
    const { draft } = this
    // Only a download with a validator can be resumed.
    const ifValidator = draft.size > 0 ? draft.state.validator : undefined
    const range = ifValidator === undefined ? undefined : { begin: draft.size, ifValidator }
    const answer = await httpGet(this.url, range, this.options).catch((error: unknown) => this.forgetUnlessKept(error))
    if (!answer) return false
    try {
      const continues =
        ifValidator !== undefined &&
        answer.begin === draft.size &&
        answer.validator === ifValidator &&
        answer.totalBytes === draft.state.totalBytes
      if (continues) {
        this.hash ??= await hashOf(draft, this.expected)
      } else if (answer.begin === 0) {
        if (ifValidator !== undefined) this.countRestart()
        await this.begin({ validator: answer.validator, totalBytes: answer.totalBytes })
      } else {
        // A range of another version: restart with the next attempt.
        this.countRestart()
        await this.begin({})
        throw new PassingError(draft.name, `the file changed at the server`)
      }
      this.checkSize(answer.totalBytes)
      await this.refuseBeyondLimit(answer.totalBytes ?? 0)
      for await (const chunk of answer.chunks) {
        await this.refuseBeyondLimit(draft.size + chunk.byteLength)
        await draft.append(chunk)
        this.hash!.update(chunk)
        this.attemptBytes += chunk.byteLength
        this.options.onProgress?.({
          file: draft.name,
          receivedBytes: draft.size,
          totalBytes: draft.state.totalBytes ?? this.expected.sizeBytes,
        })
      }
      return true
    } finally {
      answer.cancel()
    }
  }

  private async begin(state: DraftState): Promise<void> {
    await this.draft.reset(state)
    this.hash = new FileHash(this.expected)
    this.attemptBytes = 0
  }

  /** A file that is too large is deleted: it may have filled the disk. */
  private async refuseBeyondLimit(bytes: number): Promise<void> {
    const { limitBytes = Infinity } = this.options
    if (bytes <= limitBytes) return
    await this.begin({})
    refuse(this.draft.name, 'too-large', `the server sends ${bytes} bytes or more; a file of this name may have ${limitBytes}`)
  }

  /**
   * The server's file is shorter than our part of it, so it is a different file; or its answer to a range request makes no sense. Then
   * the whole file is requested.
   */
  private async forgetUnlessKept(error: unknown): Promise<never> {
    if (error instanceof NoSuchRange || (error instanceof PassingError && error.isAnswer)) {
      this.countRestart()
      await this.begin({})
    }
    throw error
  }

  private countRestart(): void {
    if (++this.restarts > restartLimit)
      refuse(this.draft.name, 'changed', `had to be begun anew ${this.restarts} times: it changes while it is fetched`)
  }

  private checkSize(totalBytes: number | undefined): void {
    const { sizeBytes } = this.expected
    if (totalBytes === undefined || sizeBytes === undefined || totalBytes === sizeBytes) return
    refuse(
      this.draft.name,
      'file-length',
      `the server has ${totalBytes} bytes of ${withoutQuery(this.url)}, expected are ${sizeBytes}`,
    )
  }

  /** Wrong bytes may come from an earlier, resumed run: then everything is downloaded again before giving up. */
  private async verify(): Promise<void> {
    const { draft, expected } = this
    const length = expected.sizeBytes ?? draft.state.totalBytes
    this.hash ??= await hashOf(draft, expected)
    const isCut = length !== undefined && draft.size !== length
    const fault = isCut ? `${draft.size} bytes came, expected are ${length}` : this.hash.fault()
    if (fault === undefined) return
    const wasResumed = this.attemptBytes < draft.size
    await this.begin({})
    if (!wasResumed)
      refuse(draft.name, isCut ? 'file-length' : 'hash', `${fault}: the server sends another file, or it is damaged on its way`)
    this.countRestart()
    throw new PassingError(draft.name, fault)
  }
}
