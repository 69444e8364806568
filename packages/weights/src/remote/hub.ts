/**
 * A model repository of the Hugging Face hub at one commit. The listing of that commit gives the size and the hash of every file, so
 * every file is verified; with a pinned commit and its files in the cache no network is needed.
 */
import { ConfigError, WeightError } from '@casa-js/base'
import type { HubApiError } from '@huggingface/hub'
import type { FolderSource } from '../bytes/folder.ts'
import { readText } from '../bytes/source.ts'
import { textLimitBytes } from '../folder/limits.ts'
import { refuse } from '../refuse.ts'
import { defaultCache } from '#platform'
import type { FileCache } from './draft.ts'
import { fetchFile } from './fetch-file.ts'
import { hashOf, type Expected } from './file-hash.ts'
import type { RemoteOptions } from './http-folder.ts'
import { PassingError, withRetries } from './retry.ts'
import { isUnreachable, reasonOf } from './watchdog.ts'

export interface HubOptions extends RemoteOptions {
  /** A commit of 40 hex digits pins the files; a branch or a tag is looked up each time. Default "main". */
  revision?: string | undefined
  /** Access token, for gated and private repositories. */
  token?: string | undefined
  /** Another hub. Default https://huggingface.co. */
  hubUrl?: string
}

type Listing = Record<string, Expected>

/**
 * A repository as a folder. Its commit and listing are looked up here; files are fetched when they are opened.
 * @param repository "organisation/name"
 * @throws WeightError when there is no such repository or revision, or it is gated and the token does not open it.
 */
export async function hubFolder(repository: string, options: HubOptions = {}): Promise<FolderSource> {
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository) || repository.includes('..')) {
    throw new ConfigError('repository', `expected "organisation/name", found ${JSON.stringify(repository)}`)
  }
  const { token, hubUrl = 'https://huggingface.co' } = options
  if (token !== undefined && !token.startsWith('hf_'))
    throw new ConfigError('token', 'an access token of the hub starts with "hf_"')
  const cache = options.cache === false ? undefined : (options.cache ?? defaultCache())
  const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) }
  const hub = new Hub(repository, { ...options, hubUrl })
  const commit = await hub.commit(options.revision ?? 'main')
  const keyOf = (file: string) => `hub/${repository}/${commit}/${file}`
  const listing = await kept(cache, keyOf('.listing.json'), () => hub.list(commit))
  return {
    name: `${repository}@${commit.slice(0, 8)}`,
    revision: commit,
    async open(file, signal) {
      const expected = Object.hasOwn(listing, file) ? listing[file] : undefined
      if (!expected) return undefined
      const url = `${hubUrl}/${repository}/resolve/${commit}/${encodeURIComponent(file)}`
      const source = await fetchFile({ ...expected, url, key: keyOf(file) }, cache, {
        ...options,
        headers,
        signal: signal ?? options.signal,
        limitBytes: textLimitBytes(file),
      })
      return source ?? refuse(url, 'missing', 'the repository lists this file, but the hub does not have it')
    },
  }
}

/** Responses of the hub's API are short; slower ones time out. */
const apiLimitMs = 10_000

/** Requests to the hub's API, made with its official client. */
class Hub {
  private readonly repository: string
  private readonly options: HubOptions

  constructor(repository: string, options: HubOptions) {
    this.repository = repository
    this.options = options
  }

  async commit(revision: string): Promise<string> {
    if (isCommit(revision)) return revision
    const { modelInfo } = await import('@huggingface/hub')
    const info = await this.ask((common) => modelInfo({ ...common, name: this.repository, revision, additionalFields: ['sha'] }))
    if (isCommit(info.sha)) return info.sha
    throw this.fault(`the hub gives ${JSON.stringify(info.sha)} as the commit of ${revision}`)
  }

  /** Size and hash of every file in the repository's root. */
  async list(commit: string): Promise<Listing> {
    const { listFiles } = await import('@huggingface/hub')
    const repo = { type: 'model', name: this.repository } as const
    return this.ask(async (common) => {
      const listing: Listing = {}
      for await (const { type, path, size, oid, lfs } of listFiles({ ...common, repo, revision: commit })) {
        if (type === 'file') listing[path] = lfs ? { sizeBytes: lfs.size, sha256: lfs.oid } : { sizeBytes: size, gitSha1: oid }
      }
      return listing
    })
  }

  private ask<T>(question: (common: { hubUrl?: string; accessToken?: string; fetch: typeof fetch }) => Promise<T>): Promise<T> {
    const { hubUrl, token, signal, stallMs = apiLimitMs } = this.options
    const watched: typeof fetch = (input, init) => {
      const limits = [AbortSignal.timeout(stallMs), ...(signal ? [signal] : [])]
      return (this.options.fetch ?? fetch)(input, { ...init, signal: AbortSignal.any(limits) })
    }
    return withRetries(async () => {
      try {
        return await question({
          ...(hubUrl !== undefined && { hubUrl }),
          ...(token !== undefined && { accessToken: token }),
          fetch: watched,
        })
      } catch (error) {
        signal?.throwIfAborted()
        throw this.explain(error as Error)
      }
    }, this.options)
  }

  private explain(error: Error): Error {
    const status = (error as HubApiError).statusCode
    if (status === undefined || status === 408 || status === 429 || status >= 500)
      return new PassingError(this.repository, this.describe(error), {
        cause: error,
        isUnreachable: isUnreachable(error) || error.name === 'TimeoutError',
      })
    if (status === 404) return this.fault('the hub has no such repository or revision (or it is private and no token was given)')
    if (status === 401 || status === 403) {
      return this.fault(
        `the hub refuses (${status}): accept its terms on its page if it is gated, and pass a token that may read it`,
      )
    }
    return this.fault(error.message)
  }

  private describe(error: Error): string {
    if (!isUnreachable(error) && error.name !== 'TimeoutError') return error.message
    return `${this.options.hubUrl}: ${reasonOf(error)}. Without a network, name a commit whose files are kept: "hub:${this.repository}@COMMIT"`
  }

  private fault(message: string): WeightError {
    return new WeightError(`${this.repository}: ${message}`, { file: this.repository, rule: 'access' })
  }
}

function isCommit(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{40}$/.test(text)
}

/** The listing of a commit never changes: requested once, then read from the cache. A corrupt cached listing is requested again. */
async function kept(cache: FileCache | undefined, key: string, ask: () => Promise<Listing>): Promise<Listing> {
  const source = await cache?.open(key)
  if (source) {
    const text = await readText(source, undefined, listingLimitBytes).finally(() => source.close())
    const listing = parseListing(text)
    if (listing) return listing
  }
  const listing = await ask()
  if (cache) {
    const draft = await cache.draft(key)
    const bytes = new TextEncoder().encode(JSON.stringify(listing))
    await draft.reset({ totalBytes: bytes.length })
    await draft.append(bytes)
    await draft.commit((await hashOf(draft)).hex())
  }
  return listing
}

const listingLimitBytes = 256 << 20

function parseListing(text: string): Listing | undefined {
  try {
    const json: unknown = JSON.parse(text)
    const isListing =
      typeof json === 'object' &&
      json !== null &&
      Object.values(json).every((entry) => typeof entry === 'object' && entry !== null)
    return isListing ? (json as Listing) : undefined
  } catch {
    return undefined
  }
}
