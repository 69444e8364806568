/** Every golden of the repository through `casa verify`'s own code, on every available device. */
import { describeOnDevices } from '@casa-js/testing'
import { close, init, memory } from '@casa-js/tensor'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadModel } from '@casa-js/vlm'
import { passed, tolerancesOf, worstCheck, type Check } from './compare.ts'
import { findGoldens } from './find.ts'
import { goldensIn, shippedGoldens } from './node.ts'
import { goldensAt } from './tree.ts'
import { verifyGoldens, type GoldenCheck, type VerifyEvent } from './verify.ts'

const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))
const find = (path: string) => findGoldens(goldensIn(at(path)))
const goldens = ['packages/backbones/fixtures', 'packages/vlm/fixtures', 'packages/verify/goldens'].flatMap((root) =>
  find(root).map((golden) => ({ name: `${root}/${golden.path}`, ...golden })),
)

await describeOnDevices('goldens', ({ device }) => {
  for (const { name, verify } of goldens) {
    it(name, async () => {
      const checks: Check[] = []
      for await (const check of verify(tolerancesOf(device))) checks.push(check)
      expect(checks.length).toBeGreaterThan(0)
      expect(checks.filter((check) => !passed(check))).toEqual([])
    })
  }
})

it('finds what a folder holds, and says so when it holds nothing', () => {
  expect(new Set(find('packages/backbones/fixtures').map(({ kind }) => kind))).toEqual(new Set(['model']))
  expect(find('packages/vlm/fixtures/casa').map(({ kind }) => kind)).toEqual(Array.from({ length: 8 }, () => 'casa'))
  // A folder alone is found too, though its backbone lies beside it.
  expect(find('packages/vlm/fixtures/casa/casa').map(({ kind, path }) => [kind, path])).toEqual([['casa', '']])
  expect(() => find('scripts')).toThrow('no golden folder')
  expect(() => find('no-such-folder')).toThrow('no such folder')
})

it('reads the whole of Qwen2.5-VL from a config of the 4.x layout', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'casa-v4-'))
  cpSync(at('packages/vlm/fixtures/qwen2_5_vl'), folder, { recursive: true })
  renameSync(join(folder, 'config.v4.json'), join(folder, 'config.json'))
  const [new5, old4] = [await loadModel(at('packages/vlm/fixtures/qwen2_5_vl')), await loadModel(folder)]
  expect(old4.config.backbone.config).toEqual(new5.config.backbone.config)
  expect(old4.config.vision!.config).toEqual(new5.config.vision!.config)
  new5.dispose()
  old4.dispose()
  rmSync(folder, { recursive: true })
})

describe('a run over a tree', () => {
  const collect = async (events: AsyncIterable<VerifyEvent>) => {
    const all: VerifyEvent[] = []
    for await (const event of events) all.push(event)
    return all
  }

  it('tells each folder before its checks, and a golden that cannot be read is a failed check', async () => {
    await init({ device: 'cpu' })
    const root = mkdtempSync(join(tmpdir(), 'casa-goldens-'))
    cpSync(shippedGoldens, root, { recursive: true })
    writeFileSync(join(root, 'llama-helium1/golden.safetensors'), 'torn')
    const events = await collect(verifyGoldens(goldensIn(root), { device: 'cpu' }))
    const cases = events.filter((event) => event.type === 'case')
    expect(cases.map(({ case: name, index, total }) => [name.split('/').slice(1).join('/'), index, total])).toEqual([
      ['casa/ca-shared', 0, 4],
      ['casa/casa', 1, 4],
      ['llama-helium1', 2, 4],
      ['train', 3, 4],
    ])
    const checks = events.flatMap((event) => (event.type === 'check' ? [event.check] : []))
    const [failed, ...others] = checks.filter((check) => !check.passed)
    expect(others).toEqual([])
    expect(failed).toMatchObject({ name: 'failed', error: NaN, kind: 'model' })
    expect(failed!.note).toContain('golden.safetensors')
    expect(worstCheck(checks as [GoldenCheck, ...GoldenCheck[]])).toBe(failed)
    rmSync(root, { recursive: true })
    await close()
  })

  it('ends at the check during which it is aborted, and leaves no tensor', async () => {
    await init({ device: 'cpu' })
    const before = memory().tensors
    const stop = new AbortController()
    const seen: VerifyEvent[] = []
    const run = async () => {
      for await (const event of verifyGoldens(goldensIn(shippedGoldens), { device: 'cpu', signal: stop.signal })) {
        seen.push(event)
        if (seen.length === 3) stop.abort(new Error('enough'))
      }
    }
    await expect(run()).rejects.toThrow('enough')
    expect(seen).toHaveLength(3)
    expect(memory().tensors).toBe(before)
    await close()
  })
})

describe('goldens at an address', () => {
  const served = (files: Record<string, string>) => {
    vi.stubGlobal('fetch', async (url: string) => {
      if (!url.startsWith('https://goldens.test/')) throw new TypeError('offline')
      const file = url.slice('https://goldens.test/g/'.length)
      return file in files ? new Response(files[file]) : new Response('', { status: 404 })
    })
    return goldensAt('https://goldens.test/g')
  }
  afterEach(() => void vi.unstubAllGlobals())

  it('are those that the list names, which is complete', async () => {
    const { files } = goldensIn(shippedGoldens)
    const list = readFileSync(join(shippedGoldens, 'goldens.json'), 'utf8')
    const unlisted = files.filter((file) => !(JSON.parse(list) as string[]).includes(file))
    expect(unlisted.sort()).toEqual(['NOTE.md', 'goldens.json', 'llama-helium1/config.v4.json'])
    expect(findGoldens(await served({ 'goldens.json': list })).map(({ path }) => path)).toEqual(
      find('packages/verify/goldens').map(({ path }) => path),
    )
  })

  it('say what is wrong: no list, something else, a file that is gone, no connection', async () => {
    await expect(served({})).rejects.toThrow('https://goldens.test/g/goldens.json: the server answered 404')
    await expect(served({ 'goldens.json': '<!doctype html>' })).rejects.toThrow('there are no goldens at this address')
    await expect(served({ 'goldens.json': '["../secret"]' })).rejects.toThrow('expected a list of files')
    const tree = await served({ 'goldens.json': '["train/curve.json"]' })
    await expect(tree.read('train/curve.json')).rejects.toThrow('train/curve.json: the server answered 404')
    await expect(goldensAt('https://elsewhere.test/')).rejects.toThrow('cannot be fetched: offline')
  })
})
