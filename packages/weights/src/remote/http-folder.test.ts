import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ByteSource } from '../bytes/source.ts'
import { folderCache } from '../files/cache.node.ts'
import { clearCache, listCache } from '../files/cache-contents.node.ts'
import { markText } from '../folder/mark.ts'
import { openModelFolder } from '../folder/model-folder.ts'
import { openWeights } from '../folder/open-weights.ts'
import { encodeSafetensors } from '../safetensors/writer.ts'
import { folderAt } from './address.ts'
import { HostileServer } from './fixtures/hostile-server.ts'
import { httpFolder } from './http-folder.ts'

const file = await encodeSafetensors({ w: { dtype: 'F32', shape: [50_000], data: new Float32Array(50_000).fill(3) } })
const sha256 = createHash('sha256').update(file).digest('hex')

let server: HostileServer
let folder: string
beforeEach(async () => {
  server = await HostileServer.start(file)
  folder = await mkdtemp(join(tmpdir(), 'casa-http-'))
})
afterEach(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})
const address = () => server.url.replace('/model.safetensors', '')
const quick = () => ({ cache: folderCache(folder), firstDelayMs: 1, retries: 1 })
async function bytesOf(source: ByteSource | undefined): Promise<Buffer> {
  const bytes = await source!.read(0, source!.size)
  await source!.close()
  return Buffer.from(bytes)
}

describe('a folder on a server', () => {
  it('is fetched once and asked each time whether it is still the same', async () => {
    const remote = httpFolder(address(), quick())
    for (let i = 0; i < 2; i++) expect((await bytesOf(await remote.open('model.safetensors'))).equals(file)).toBe(true)
    expect(server.requests.map(({ headers }) => headers.range)).toEqual(['bytes=0-1', undefined, 'bytes=0-1'])
    server.bytes = file.subarray(0, 100)
    server.etag = '"2"'
    expect((await bytesOf(await remote.open('model.safetensors'))).length).toBe(100)
  })

  it('asks nothing when the hash is known and the file is kept', async () => {
    const remote = httpFolder(address(), { ...quick(), files: { 'model.safetensors': { sha256 } } })
    for (let i = 0; i < 2; i++) await bytesOf(await remote.open('model.safetensors'))
    expect(server.requests.length).toBe(1)
  })

  it('refuses a file of another hash', async () => {
    const remote = httpFolder(address(), {
      ...quick(),
      files: { 'model.safetensors': { sha256: sha256.replace(/^./, (x) => (x === '0' ? '1' : '0')) } },
    })
    await expect(remote.open('model.safetensors')).rejects.toMatchObject({ rule: 'hash' })
  })

  it('costs as many requests from a server that takes 0-0 for everything', async () => {
    server.always = { zeroIsNone: true }
    const remote = httpFolder(address(), { ...quick(), onRetry: () => expect.unreachable() })
    expect((await bytesOf(await remote.open('model.safetensors'))).equals(file)).toBe(true)
    expect(server.requests.length).toBe(2)
  })

  it('has no file where a host answers every address with its page', async () => {
    server.always = { headers: { 'Content-Type': 'text/html; charset=utf-8' } }
    for (const cache of [quick().cache, false] as const) {
      const remote = httpFolder(address(), { ...quick(), cache })
      expect(await remote.open('chat_template.jinja')).toBeUndefined()
    }
  })

  it('has no optional file where storage answers 403, once it has given another', async () => {
    const remote = httpFolder(address(), quick())
    server.misdeeds = [{ status: 403 }]
    await expect(remote.open('config.json')).rejects.toMatchObject({ rule: 'access' })
    await bytesOf(await remote.open('config.json'))
    server.always = { status: 403 }
    expect(await remote.open('chat_template.jinja')).toBeUndefined()
    await expect(remote.open('model-00001-of-00002.safetensors')).rejects.toMatchObject({ rule: 'access' })
  })

  it('asks for nothing that casa-folder.json does not list, and checks the hashes in it', async () => {
    server.mark = markText({
      kind: 'model',
      files: { 'config.json': {}, 'model.safetensors': { sizeBytes: file.length, sha256 } },
    })
    const remote = httpFolder(address(), quick())
    expect(await remote.open('chat_template.jinja')).toBeUndefined()
    for (let i = 0; i < 2; i++) expect((await bytesOf(await remote.open('model.safetensors'))).equals(file)).toBe(true)
    expect([server.requests.length, server.markRequests]).toEqual([1, 1])
    server.bytes = file.slice().fill(1, 1000)
    server.mark = markText({
      kind: 'model',
      files: { 'model.safetensors': { sha256: sha256.replace(/^./, (x) => (x === '0' ? '1' : '0')) } },
    })
    await expect(httpFolder(address(), quick()).open('model.safetensors')).rejects.toMatchObject({ rule: 'hash' })
  })

  it('repairs a kept file that was damaged without a change of its length', async () => {
    for (const known of [{}, { 'model.safetensors': { sha256 } }]) {
      const remote = httpFolder(address(), { ...quick(), files: known })
      await bytesOf(await remote.open('model.safetensors'))
      const [kept] = await listCache({ folder })
      const bytes = await readFile(kept!.path)
      bytes[bytes.length - 1]! ^= 1
      await writeFile(kept!.path, bytes)
      expect((await bytesOf(await remote.open('model.safetensors'))).equals(file)).toBe(true)
      await clearCache({ folder })
    }
  })

  it('sends no header of the user to another host', async () => {
    const other = await HostileServer.start(file)
    server.always = { status: 302, headers: { Location: other.url } }
    const headers = { Authorization: 'Bearer x', 'X-Api-Key': 'secret' }
    const remote = httpFolder(address(), { ...quick(), headers })
    expect((await bytesOf(await remote.open('model.safetensors'))).equals(file)).toBe(true)
    expect(server.requests[0]!.headers).toMatchObject({ authorization: 'Bearer x', 'x-api-key': 'secret' })
    for (const { headers } of other.requests)
      expect([headers.authorization, headers['x-api-key']]).toEqual([undefined, undefined])
    server.always = { status: 302, headers: { Location: '/elsewhere.safetensors' } }
    await expect(remote.open('model.safetensors')).rejects.toThrow('more than 20 redirects')
    expect(server.requests.at(-1)!.headers).toMatchObject({ 'x-api-key': 'secret' })
    await other.stop()
  })

  it('keeps nothing of a file that its server cannot name', async () => {
    server.always = { noValidator: true }
    const remote = httpFolder(address(), quick())
    for (let i = 0; i < 2; i++) expect((await bytesOf(await remote.open('model.safetensors'))).equals(file)).toBe(true)
  })

  it('opens a GGUF file by its address, whole or by ranges', async () => {
    server.bytes = await readFile(new URL('../../fixtures/gguf/llama.gguf', import.meta.url))
    for (const cache of [quick().cache, false] as const) {
      const model = await openModelFolder(`${address()}/llama.gguf`, { ...quick(), cache })
      expect(model.config).toMatchObject({ model_type: 'llama', hidden_size: 64 })
      expect((await model.weights.read('model.norm.weight')).length).toBe(64)
      await model.weights.close()
    }
  })

  it('opens by its address, lazily without a cache', async () => {
    const weights = await openWeights(address(), { cache: false })
    expect(server.requests.map(({ headers }) => headers.range)).toEqual(['bytes=0-65535'])
    expect((await weights.read('w'))[49_999]).toBe(3)
    expect((await folderAt(`${address()}/`)).name).toBe(`${address()}/`)
    expect((await folderAt('some/path')).name).toBe('some/path')
  })

  it('has no files that the server has not', async () => {
    server.always = { status: 404 }
    expect(await httpFolder(address(), quick()).open('config.json')).toBeUndefined()
  })
})
