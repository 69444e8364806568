import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ByteSource } from '../bytes/source.ts'
import { folderCache } from '../files/cache.node.ts'
import { openWeights } from '../folder/model-folder.ts'
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
    expect(server.requests.map(({ headers }) => headers.range)).toEqual(['bytes=0-0', undefined, 'bytes=0-0'])
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

  it('keeps nothing of a file that its server cannot name', async () => {
    server.always = { noValidator: true }
    const remote = httpFolder(address(), quick())
    for (let i = 0; i < 2; i++) expect((await bytesOf(await remote.open('model.safetensors'))).equals(file)).toBe(true)
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
