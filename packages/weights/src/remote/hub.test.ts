import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { folderCache } from '../files/cache.node.ts'
import { openModelFolder } from '../folder/model-folder.ts'
import { encodeSafetensors } from '../safetensors/writer.ts'
import { commit, FakeHub } from './fixtures/fake-hub.ts'
import { hubFolder, type HubOptions } from './hub.ts'

const weights = await encodeSafetensors({ w: { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) } })
const config = new TextEncoder().encode('{"model_type":"llama"}')
const resolved = `/org/tiny/resolve/${commit}`

let hub: FakeHub
let folder: string
let files: Map<string, Uint8Array>
let options: HubOptions
beforeEach(async () => {
  files = new Map([
    ['config.json', config],
    ['model.safetensors', weights],
  ])
  hub = await FakeHub.start(files)
  folder = await mkdtemp(join(tmpdir(), 'casa-hub-'))
  options = { hubUrl: hub.url, cache: folderCache(folder), retries: 2, firstDelayMs: 1, stallMs: 10_000 }
})
afterEach(async () => {
  await hub.stop()
  await rm(folder, { recursive: true })
})

async function open(more: HubOptions = {}) {
  const opened = await openModelFolder(await hubFolder('org/tiny', { ...options, ...more }))
  const values = [...(await opened.weights.read('w'))]
  await opened.weights.close()
  return { config: opened.config, values, name: opened.name }
}

describe('a repository of the hub', () => {
  it('opens by name and keeps its files by commit', async () => {
    expect(await open()).toEqual({ config: { model_type: 'llama' }, values: [1, 2], name: 'org/tiny@01234567' })
    expect((await readdir(join(folder, 'hub/org/tiny', commit))).sort()).toEqual([
      '.listing.json',
      'config.json',
      'model.safetensors',
    ])
  })

  it('needs no network when its commit is pinned and its files are kept', async () => {
    await open()
    const before = hub.requests.hub.length
    expect((await open({ revision: commit })).values).toEqual([1, 2])
    expect(hub.requests.hub.length).toBe(before)
  })

  it('asks again for a listing that was damaged in the cache', async () => {
    await open()
    for (const text of ['{', '[1]', '{"a":1}']) {
      await writeFile(join(folder, 'hub/org/tiny', commit, '.listing.json'), text)
      expect((await open({ revision: commit })).values).toEqual([1, 2])
    }
  })

  it('repairs a garbled config.json of the right length', async () => {
    await open()
    await writeFile(join(folder, 'hub/org/tiny', commit, 'config.json'), 'x'.repeat(config.length))
    expect((await open()).config).toEqual({ model_type: 'llama' })
  })

  it('says soon, and in words, that there is no way to the hub', async () => {
    await hub.stop()
    const begin = performance.now()
    await expect(hubFolder('org/tiny', { ...options, retries: 6 })).rejects.toThrow(
      /cannot be reached.*name a commit whose files are kept/,
    )
    expect(performance.now() - begin).toBeLessThan(5000)
    hub = await FakeHub.start(files)
  })

  it('opens gated ones with a token, and shows the token to the hub alone', async () => {
    hub.gate = 'hf_secret'
    await expect(open()).rejects.toMatchObject({
      name: 'WeightError',
      rule: 'access',
      message: expect.stringContaining('accept its terms'),
    })
    hub.requests.hub.length = 0
    expect((await open({ token: 'hf_secret' })).values).toEqual([1, 2])
    expect(hub.requests.hub).toContain(`${resolved}/model.safetensors Bearer hf_secret`)
    expect(hub.requests.hub.every((request) => request.endsWith(' Bearer hf_secret'))).toBe(true)
    expect(hub.requests.storage).toEqual(['/signed/model.safetensors'])
    await expect(open({ token: 'secret' })).rejects.toMatchObject({ name: 'ConfigError', path: 'token' })
  })

  it.each([
    ['weights', 'model.safetensors', 'SHA-256'],
    ['small files', 'config.json', 'git SHA-1'],
  ])('refuses %s that are not those of the listing', async (_, file, hash) => {
    await hubFolder('org/tiny', options)
    const wrong = Uint8Array.from(files.get(file)!)
    wrong[wrong.length - 1]! ^= 1
    files.set(file, wrong)
    await expect(open({ revision: commit })).rejects.toMatchObject({ rule: 'hash', message: expect.stringContaining(hash) })
  })

  it('works without a cache, small files still checked', async () => {
    expect((await open({ cache: false })).values).toEqual([1, 2])
    expect(await readdir(folder)).toEqual([])
  })

  it('survives a busy hub', async () => {
    hub.statuses = [503, 429]
    expect((await open()).values).toEqual([1, 2])
  })

  it('says when there is no such repository, revision or name', async () => {
    await expect(hubFolder('org/other', options)).rejects.toThrow('org/other: the hub has no such repository')
    await expect(hubFolder('org/tiny', { ...options, revision: 'v9' })).rejects.toThrow('no such repository or revision')
    await expect(hubFolder('../x', options)).rejects.toMatchObject({ name: 'ConfigError', path: 'repository' })
    await expect(hubFolder('org/tiny', { ...options, hubUrl: 'http://127.0.0.1:9' })).rejects.toMatchObject({
      name: 'WeightError',
      rule: 'http',
    })
  })
})
