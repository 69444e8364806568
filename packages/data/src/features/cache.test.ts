import { fork, type ChildProcess } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bf16FromFloat32, float32FromBf16 } from '@casa-js/base/internal'
import { createFeatureCache, type Features } from './cache.node.ts'
import { featureKey } from './key.node.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'casa-features-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const featuresOf = (seed: number, count = 1000): Features => ({
  shape: [count / 10, 10],
  values: Float32Array.from({ length: count }, (_, i) => Math.sin(seed * 1000 + i)),
})

async function entries(): Promise<{ path: string; bytes: number }[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = found.filter((entry) => entry.isFile() && !entry.parentPath.endsWith('.new'))
  return Promise.all(
    files.map(async ({ parentPath, name }) => ({
      path: join(parentPath, name),
      bytes: (await stat(join(parentPath, name))).size,
    })),
  )
}

describe('a feature cache', () => {
  it('gives back what was put, bit for bit, in another process of the same folder too', async () => {
    const features = fc.array(fc.nat(4), { maxLength: 3 }).chain((shape) => {
      const size = shape.reduce((product, length) => product * length, 1)
      return fc.record({ shape: fc.constant(shape), values: fc.float32Array({ minLength: size, maxLength: size }) })
    })
    const cache = await createFeatureCache({ folder, maxBytes: 1e8 })
    await fc.assert(
      fc.asyncProperty(fc.string(), features, async (key, given) => {
        expect(await cache.put(key, given)).toEqual(given)
        expect(await (await createFeatureCache({ folder, maxBytes: 1e8 })).get(key)).toEqual(given)
      }),
      { numRuns: 40 },
    )
  })

  it('returns from put what get gives, when it stores bfloat16', async () => {
    const cache = await createFeatureCache({ folder, maxBytes: 1e8, dtype: 'BF16' })
    const given = featuresOf(1)
    const rounded = float32FromBf16(bf16FromFloat32(given.values))
    expect((await cache.put('a', given)).values).toEqual(rounded)
    expect((await cache.get('a'))!.values).toEqual(rounded)
    expect((await entries())[0]!.bytes).toBeLessThan(given.values.byteLength * 0.6)
  })

  it('counts hits and misses', async () => {
    const cache = await createFeatureCache({ folder, maxBytes: 1e8 })
    expect(await cache.get('a')).toBeUndefined()
    await cache.put('a', featuresOf(1))
    await cache.get('a')
    await cache.get('a')
    expect(cache.stats()).toEqual({ hits: 2, misses: 1, damaged: 0, stored: 1, failed: 0, evicted: 0 })
  })

  it('takes no damaged entry: not a cut one, not one with a changed bit, not that of another key', async () => {
    const cache = await createFeatureCache({ folder, maxBytes: 1e8 })
    await cache.put('other', featuresOf(2))
    const [other] = await entries()
    const foreign = await readFile(other!.path)
    await cache.put('a', featuresOf(1))
    const path = (await entries()).find((entry) => entry.path !== other!.path)!.path
    const whole = await readFile(path)
    const flipped = Buffer.from(whole)
    flipped[whole.length - 7]! ^= 1
    for (const damaged of [whole.subarray(0, whole.length - 1), whole.subarray(0, 20), Buffer.alloc(0), flipped, foreign]) {
      await writeFile(path, damaged)
      expect(await cache.get('a')).toBeUndefined()
      expect(await readdir(join(path, '..'))).toEqual([])
      await cache.put('a', featuresOf(1))
      expect(await cache.get('a')).toEqual(featuresOf(1))
    }
    expect(cache.stats().damaged).toBe(5)
  })

  it('never takes more than its limit, and evicts what was used least recently', async () => {
    const cache = await createFeatureCache({ folder, maxBytes: 100_000 })
    await cache.put('kept', featuresOf(0))
    const seen = new Set((await entries()).map(({ path }) => path))
    const hourAgoMs = Date.now() - 3_600_000
    for (let i = 1; i < 60; i++) {
      expect(await cache.get('kept')).toBeDefined()
      await cache.put(`${i}`, featuresOf(i))
      // Times of files are too coarse to order what is written within a millisecond: every entry is a second younger than the last.
      const time = new Date(hourAgoMs + i * 1000)
      for (const { path } of await entries()) if (!seen.has(path)) await utimes(path, time, time).then(() => seen.add(path))
      const bytes = (await entries()).reduce((sum, entry) => sum + entry.bytes, 0)
      expect(bytes).toBeLessThanOrEqual(100_000)
      if (i > 30) expect(bytes).toBeGreaterThan(75_000)
    }
    expect(cache.stats().evicted).toBeGreaterThan(30)
    expect(await cache.get('59')).toBeDefined()
    expect(await cache.get('1')).toBeUndefined()
  })

  it('never takes more than its limit when many entries are put at once', async () => {
    const cache = await createFeatureCache({ folder, maxBytes: 100_000 })
    await Promise.all(Array.from({ length: 18 }, (_, i) => cache.put(`${i}`, featuresOf(i))))
    await Promise.all(Array.from({ length: 18 }, (_, i) => cache.put(`b${i}`, featuresOf(i))))
    expect((await entries()).reduce((sum, entry) => sum + entry.bytes, 0)).toBeLessThanOrEqual(100_000)
    expect(cache.stats()).toMatchObject({ stored: 36, failed: 0 })
  })

  it('stores nothing larger than itself', async () => {
    const cache = await createFeatureCache({ folder, maxBytes: 3000 })
    expect(await cache.put('a', featuresOf(1))).toEqual(featuresOf(1))
    expect(await entries()).toEqual([])
  })

  it('goes on without entries that cannot be written, and says so once', async () => {
    const warnings: string[] = []
    const cache = await createFeatureCache({ folder, maxBytes: 1e8, onWarning: (message) => warnings.push(message) })
    await rm(folder, { recursive: true })
    await writeFile(folder, 'a file stands where the folder was')
    expect(await cache.put('a', featuresOf(1))).toEqual(featuresOf(1))
    expect(await cache.put('b', featuresOf(1))).toEqual(featuresOf(1))
    expect(await cache.get('a')).toBeUndefined()
    expect(cache.stats()).toMatchObject({ failed: 2, stored: 0, misses: 1, damaged: 0 })
    expect(warnings).toEqual([expect.stringContaining('computed again')])
  })

  it('refuses a limit that is none, values that are not as many as the shape says, and a folder that is a file', async () => {
    await expect(createFeatureCache({ folder, maxBytes: Number.NaN })).rejects.toThrow(/maxBytes/)
    const cache = await createFeatureCache({ folder, maxBytes: 1e6 })
    await expect(cache.put('a', { shape: [2, 3], values: new Float32Array(5) })).rejects.toThrow(/6 values, 5/)
    await writeFile(join(folder, 'file'), '')
    await expect(createFeatureCache({ folder: join(folder, 'file'), maxBytes: 1e6 })).rejects.toMatchObject({ code: 'file' })
  })

  it('is whole after every kill, while other processes write and evict too', async () => {
    const maxBytes = 200_000
    const survivor = start(maxBytes)
    await said(survivor)
    for (let round = 0; round < 4; round++) {
      const child = start(maxBytes)
      await said(child)
      child.kill('SIGKILL')
      await ended(child)
    }
    survivor.kill('SIGKILL')
    await ended(survivor)
    const cache = await createFeatureCache({ folder, maxBytes })
    for (let i = 0; i < 60; i++) {
      const found = await cache.get(`${i}`)
      if (found) expect(found).toEqual(featuresOf(i))
    }
    expect(cache.stats().damaged).toBe(0)
    expect(cache.stats().hits).toBeGreaterThan(0)
    expect((await entries()).reduce((sum, entry) => sum + entry.bytes, 0)).toBeLessThanOrEqual(maxBytes)
  })

  it('sweeps what killed processes left unfinished, and leaves what is being written', async () => {
    await createFeatureCache({ folder, maxBytes: 1e6 })
    await writeFile(join(folder, '.new', '1-old'), 'half')
    await setBack(join(folder, '.new', '1-old'))
    await writeFile(join(folder, '.new', '2-young'), 'half')
    await createFeatureCache({ folder, maxBytes: 1e6 })
    expect(await readdir(join(folder, '.new'))).toEqual(['2-young'])
  })
})

describe('the key of features', () => {
  it('depends on pixels, size and encoder alone', () => {
    const data = Uint8Array.from({ length: 18 }, (_, i) => i)
    const key = featureKey({ widthPx: 2, heightPx: 3, data }, 'encoder')
    expect(key).toMatch(/^[0-9a-f]{64}$/)
    expect(featureKey({ widthPx: 2, heightPx: 3, data: data.slice() }, 'encoder')).toBe(key)
    const others = [
      featureKey({ widthPx: 3, heightPx: 2, data }, 'encoder'),
      featureKey({ widthPx: 2, heightPx: 3, data }, 'another'),
      featureKey({ widthPx: 2, heightPx: 3, data: data.map((x) => x + 1) }, 'encoder'),
    ]
    expect(new Set([key, ...others]).size).toBe(4)
  })
})

/** Makes a file look an hour old. */
function setBack(path: string): Promise<void> {
  const hourAgo = new Date(Date.now() - 3_600_000)
  return utimes(path, hourAgo, hourAgo)
}

const writer = fileURLToPath(new URL('../fixtures/put-for-ever.ts', import.meta.url))
const tsx = createRequire(import.meta.url).resolve('tsx')

function start(maxBytes: number): ChildProcess {
  return fork(writer, [folder, String(maxBytes)], { execArgv: ['--import', tsx, '--conditions=@casa-js/source'] })
}

/** The writer says when it has gone through half of the keys. */
const said = (child: ChildProcess) => new Promise((resolve) => child.once('message', resolve))
const ended = (child: ChildProcess) => new Promise((resolve) => child.once('exit', resolve))
