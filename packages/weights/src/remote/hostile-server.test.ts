/** A server that misbehaves in every known way: the result is the correct file or an error, never anything else. */
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { WeightError } from '@casa-js/base'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { memorySource, type ByteSource } from '../bytes/source.ts'
import { folderCache } from '../files/cache.node.ts'
import { Safetensors } from '../safetensors/reader.ts'
import { encodeSafetensors } from '../safetensors/writer.ts'
import { download, type DownloadOptions } from './download.ts'
import type { Expected } from './file-hash.ts'
import { memoryDraft } from './draft.ts'
import type { Retry } from './retry.ts'
import { openHttp } from './http-source.ts'
import { HostileServer, type Misdeed } from './fixtures/hostile-server.ts'

const fileOf = (seed: number) =>
  encodeSafetensors({
    w: { dtype: 'F32', shape: [50_000], data: Float32Array.from({ length: 50_000 }, (_, i) => (i * seed) % 997) },
  })
const file = await fileOf(7)
const other = await fileOf(11)
const longer = new Uint8Array([...other, 1])
const expectedValues = await (await Safetensors.open(memorySource('x', file))).read('w')
const sha256 = createHash('sha256').update(file).digest('hex')
const quick: DownloadOptions = { firstDelayMs: 1, stallMs: 1000, retries: 6 }

let server: HostileServer
beforeEach(async () => {
  server = await HostileServer.start(file)
})
afterEach(() => server.stop())

async function fetched(expected: Expected = {}, options: DownloadOptions = {}): Promise<Uint8Array> {
  const draft = memoryDraft('model.safetensors')
  expect(await download(server.url, draft, expected, { ...quick, ...options })).toBe(true)
  return draft.bytes()
}
const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0

describe('downloading a whole file', () => {
  const survived: [string, Misdeed[]][] = [
    ['nothing', []],
    ['cut connections', [{ cutAfter: 70_000 }, { cutAfter: 0 }, { cutAfter: 100_000 }]],
    ['a stall before the first byte and one later', [{ stallAfter: 0 }, { stallAfter: 80_000 }]],
    ['a busy server', [{ status: 503, headers: { 'Retry-After': '0.05' } }, { status: 429 }, { status: 500 }]],
    ['a cut, then a server without ranges', [{ cutAfter: 90_000 }, { ignoreRange: true }]],
    ['a false Content-Range', [{ cutAfter: 90_000 }, { contentRange: 'bytes 0-9/200' }, { contentRange: 'nonsense' }]],
    ['a Content-Range from another place', [{ cutAfter: 90_000 }, { contentRange: `bytes 5-${file.length - 1}/${file.length}` }]],
    ['a Content-Length that is too long', [{ contentLength: file.length + 5 }, { contentLength: file.length + 5 }]],
    ['no length', [{ noLength: true }]],
    ['a server that sends a byte now and then', [{ dripMs: 20 }]],
    ['a rest of unknown length', [{ cutAfter: 90_000 }, { contentRange: `bytes 90000-${file.length - 1}/*` }]],
    ['no validator and a cut: begun again, not continued', [{ noValidator: true, cutAfter: 90_000 }]],
  ]
  it.each(survived)('survives %s', async (_, misdeeds) => {
    server.misdeeds = [...misdeeds]
    expect(same(await fetched(), file)).toBe(true)
  })

  it('continues where it was cut, and only if the file is the same', async () => {
    server.misdeeds = [{ stallAfter: 90_000 }]
    await fetched()
    expect(server.requests[1]!.headers).toMatchObject({ range: expect.stringMatching(/^bytes=[1-9]\d*-$/), 'if-range': '"1"' })
  })

  it.each([
    ['has no validator', { noValidator: true }],
    ['has a weak ETag', { etag: 'W/"1"' }],
  ])('never continues a file that %s', async (_, misdeed) => {
    server.always = misdeed
    server.misdeeds = [{ cutAfter: 90_000, ...misdeed }]
    expect(same(await fetched(), file)).toBe(true)
    expect(server.requests.every(({ headers }) => headers.range === undefined)).toBe(true)
  })

  it.each([
    ['says so', { changeTo: other, etag: '"2"' }],
    ['serves the rest of the new one all the same', { ignoreIfRange: true, changeTo: other, etag: '"2"' }],
    ['is longer now', { ignoreIfRange: true, changeTo: longer, etag: '"2"' }],
    ['keeps its ETag but not its length', { ignoreIfRange: true, changeTo: longer, etag: '"1"' }],
  ] as [string, Misdeed][])('begins again when the file changes on the way and the server %s', async (_, misdeed) => {
    server.misdeeds = [{ cutAfter: 90_000 }, misdeed]
    expect(same(await fetched(), server.bytes)).toBe(true)
  })

  it('gives up on a file that never stays the same', async () => {
    server.misdeeds = Array.from({ length: 10 }, (_, i) => ({ changeTo: i % 2 ? file : other, etag: `"${i}"`, cutAfter: 90_000 }))
    await expect(fetched({}, { retries: 30 })).rejects.toMatchObject({ name: 'WeightError', rule: 'changed' })
  })

  it.each([
    ['other bytes under the same name', { sha256 }, { changeTo: other, etag: '"1"' }, 'hash'],
    ['garbage', { sha256 }, { garbage: true }, 'hash'],
    ['a file of another size', { sizeBytes: file.length }, { changeTo: longer, etag: '"1"' }, 'file-length'],
    ['a Content-Length that is too short', { sizeBytes: file.length }, { contentLength: 1000 }, 'file-length'],
    ['a page instead of the file', { sha256 }, { status: 200 }, 'hash'],
    ['no right to read', {}, { status: 403 }, 'access'],
    ['an answer that makes no sense', {}, { status: 418 }, 'http'],
    ['a server that is down', {}, { status: 503 }, 'http'],
  ] as [string, Expected, Misdeed, string][])('refuses %s', async (_, expected, misdeed, rule) => {
    server.always = misdeed
    const error = await fetched(expected).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(WeightError)
    expect(error).toMatchObject({ rule })
  })

  it('fetches anew, once, when what was continued has the wrong hash', async () => {
    const draft = memoryDraft('model.safetensors')
    await draft.reset({ validator: '"1"', totalBytes: file.length })
    await draft.append(new Uint8Array(100_000))
    await download(server.url, draft, { sha256 }, quick)
    expect(same(draft.bytes(), file)).toBe(true)
  })

  it('checks the hash that git gives a blob', async () => {
    const gitSha1 = createHash('sha1').update(`blob ${file.length}\0`).update(file).digest('hex')
    expect(same(await fetched({ sizeBytes: file.length, gitSha1 }), file)).toBe(true)
    server.always = { garbage: true }
    await expect(fetched({ sizeBytes: file.length, gitSha1 })).rejects.toMatchObject({ rule: 'hash' })
  })

  it('says each retry, with its reason', async () => {
    server.misdeeds = [{ status: 503, headers: { 'Retry-After': '0.01' } }, { cutAfter: 0 }]
    const seen: Retry[] = []
    await fetched({}, { onRetry: (retry) => seen.push(retry) })
    expect(seen).toEqual([
      { file: server.url, reason: 'the server answered 503', attempts: 1, retryAfterMs: 10 },
      { file: server.url, reason: expect.stringMatching(/cut|terminated|closed/), attempts: 2, retryAfterMs: 0 },
    ])
  })

  it('asks only once more when the answer would be the same', async () => {
    server.always = { ignoreIfRange: true, contentRange: 'bytes 7-8/9' }
    server.requests.length = 0
    const source = openHttp(server.url, quick)
    expect(same(await source.then((s) => s!.read(0, s!.size)), file)).toBe(true)
    expect(server.requests.length).toBe(2)
  })

  it('gives up within two attempts when there is no way to the server', async () => {
    const attempts: number[] = []
    const onRetry = ({ attempts: made }: Retry) => attempts.push(made)
    const { url } = server
    await server.stop()
    const error = await download(url, memoryDraft('x'), {}, { ...quick, onRetry }).catch((e: unknown) => e)
    expect(error).toMatchObject({
      rule: 'http',
      message: expect.stringContaining('gave up after 2 attempts: the server cannot be reached'),
    })
    expect(attempts).toEqual([1])
    server = await HostileServer.start(file)
  })

  it.each([
    ['without an end', { endless: true }],
    ['of too many bytes, as announced', {}],
  ] as [string, Misdeed][])('refuses a file %s, and keeps nothing of it', async (_, misdeed) => {
    server.always = misdeed
    const draft = memoryDraft('config.json')
    await expect(download(server.url, draft, {}, { ...quick, limitBytes: 100_000 })).rejects.toMatchObject({ rule: 'too-large' })
    expect(draft.size).toBe(0)
  })

  it('waits as long as Retry-After says', async () => {
    server.misdeeds = [{ status: 429, headers: { 'Retry-After': '0.3' } }]
    const begin = performance.now()
    await fetched()
    expect(performance.now() - begin).toBeGreaterThan(295)
  })

  it('tells a missing file from trouble', async () => {
    server.always = { status: 404 }
    expect(await download(server.url, memoryDraft('x'), {}, quick)).toBe(false)
  })

  it.each([
    ['while bytes come', { stallAfter: 1000 }],
    ['while it waits to try again', { status: 503, headers: { 'Retry-After': '60' } }],
  ] as [string, Misdeed][])('stops at once %s', async (_, misdeed) => {
    server.always = misdeed
    const stop = new AbortController()
    setTimeout(() => stop.abort(new Error('enough')), 50)
    const begin = performance.now()
    await expect(fetched({}, { signal: stop.signal, stallMs: 60_000 })).rejects.toThrow('enough')
    expect(performance.now() - begin).toBeLessThan(5000)
  })

  it('reports progress', async () => {
    const seen: number[] = []
    await fetched({}, { onProgress: ({ receivedBytes, totalBytes }) => seen.push(receivedBytes, totalBytes!) })
    expect(seen.slice(-2)).toEqual([file.length, file.length])
  })
})

describe('the cache folder', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'casa-cache-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('keeps a half file for the next process and goes on from there', async () => {
    const cache = folderCache(folder)
    server.misdeeds = [{ stallAfter: 100_000 }]
    await expect(download(server.url, await cache.draft('a/w'), { sha256 }, { ...quick, retries: 0 })).rejects.toMatchObject({
      rule: 'http',
    })
    expect(await cache.open('a/w')).toBeUndefined()
    expect((await readdir(join(folder, 'a'))).sort()).toEqual(['w.part', 'w.part.json'])
    await download(server.url, await cache.draft('a/w'), { sha256 }, quick)
    expect(server.requests[1]!.headers.range).toMatch(/^bytes=[1-9]/)
    const source = (await cache.open('a/w'))!
    expect(same(await source.read(0, source.size), file)).toBe(true)
    expect(await readdir(join(folder, 'a'))).toEqual(['w'])
    await source.close()
  })

  it('takes up what a killed process left, but not the draft of a living one', async () => {
    const cache = folderCache(folder)
    const living = await cache.draft('w')
    await living.reset({ validator: '"1"', totalBytes: file.length })
    await living.append(file.subarray(0, 50))
    const second = await cache.draft('w')
    expect(second.size).toBe(0)
    await second.release()
    await living.release()
    const third = await cache.draft('w')
    expect(third).toMatchObject({ size: 50, state: { validator: '"1"', totalBytes: file.length } })
    await third.commit('0'.repeat(64))
  })

  it('refuses keys that lead out of it', () => {
    expect(() => folderCache(folder).open('../escape')).toThrow(WeightError)
    expect(() => folderCache(folder).open(dirname(folder))).toThrow(WeightError)
  })
})

describe('reading by ranges', () => {
  const values = async (source: ByteSource | undefined) => (await Safetensors.open(source!)).read('w')
  const sameValues = (values: Float32Array) => values.every((value, i) => value === expectedValues[i]) && values.length === 50_000

  it('gives the same tensors, and fetches no more than it must', async () => {
    const source = (await openHttp(server.url, quick))!
    expect(sameValues(await values(source))).toBe(true)
    expect(server.requests.length).toBe(2)
    expect(server.requests[1]!.headers).toMatchObject({ 'if-range': '"1"', range: `bytes=65536-${file.length - 1}` })
  })

  it.each([
    ['cut connections', [{}, { cutAfter: 70_000 }, { cutAfter: 5 }]],
    ['stalls', [{}, { stallAfter: 70_000 }]],
    ['a busy server', [{ status: 503 }, { status: 429, headers: { 'Retry-After': '0' } }, { status: 502 }]],
    ['false ranges', [{ contentRange: 'bytes 1-2/3' }, { contentRange: 'bytes 0-65535/*' }, {}, { contentRange: 'bytes 0-0/1' }]],
    ['a server that sends the whole file as any part', Array(9).fill({ wholeAsPart: true })],
    ['a server without ranges', Array(9).fill({ ignoreRange: true })],
    ['a server without validators', Array(9).fill({ noValidator: true })],
  ] as [string, Misdeed[]][])('survives %s', async (_, misdeeds) => {
    server.misdeeds = misdeeds
    expect(sameValues(await values(await openHttp(server.url, quick)))).toBe(true)
  })

  it.each([
    ['the file changes', { changeTo: other, etag: '"2"' }, 'changed'],
    ['it changes and the server hides it', { ignoreIfRange: true, changeTo: other, etag: '"2"' }, 'changed'],
    ['its length changes under the same ETag', { ignoreIfRange: true, changeTo: longer, etag: '"1"' }, 'changed'],
    ['the file goes away', { status: 404 }, 'changed'],
    ['the server forgets what a range is', { ignoreRange: true }, 'http'],
  ] as [string, Misdeed, string][])('refuses to go on when %s', async (_, misdeed, rule) => {
    const source = await openHttp(server.url, quick)
    server.misdeeds = [misdeed]
    await expect(values(source)).rejects.toMatchObject({ name: 'WeightError', rule })
  })

  it('refuses garbage', async () => {
    server.always = { garbage: true }
    await expect(values(await openHttp(server.url, quick))).rejects.toMatchObject({ name: 'WeightError', rule: 'header-size' })
  })

  it('reads small and empty files with one request', async () => {
    for (const bytes of [new Uint8Array(0), Uint8Array.of(1, 2, 3)]) {
      server.bytes = bytes
      const source = (await openHttp(server.url, quick))!
      expect(await source.read(0, source.size)).toEqual(bytes)
    }
    expect(server.requests.length).toBe(2)
  })
})
