/** Checkpoints that cannot be written, are damaged, or belong to something else. */
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dispose, init, tensor, withoutLeaks, type Tensor } from '@casa-js/tensor'
import { fileSink } from '@casa-js/weights'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fromScratch, groupWeights } from '../groups.ts'
import { runRanks } from '../fixtures/ranks.ts'
import { Adamw } from '../optimizer.ts'
import { partsOf, rangeOf } from '../parallel/parts.ts'
import type { CheckpointContent } from './content.ts'
import { findCheckpoint } from './restore.node.ts'
import { changedFields } from './state.node.ts'
import { createCheckpointStore, type StoreOptions } from './store.node.ts'

let out: string
let params: Record<string, Tensor>
let optimizer: Adamw
beforeEach(async () => {
  await init({ device: 'cpu' })
  out = await mkdtemp(join(tmpdir(), 'casa-checkpoint-'))
  params = { a: tensor([1, 2, 3, 4, 5, 6], [2, 3]), b: tensor([7, 8], [2]) }
  optimizer = new Adamw(groupWeights(params, fromScratch()))
})
afterEach(async () => {
  optimizer.dispose()
  dispose(...Object.values(params))
  await rm(out, { recursive: true, force: true })
})

const content = (step: number, tensors = params): CheckpointContent => ({
  step,
  positions: [[step], [2 * step]],
  config: { fixed: { seed: 1 }, tunable: {} },
  data: { name: 'rows', length: 3 },
  params: tensors,
  optimizer,
})
const store = (options?: StoreOptions) => createCheckpointStore(out, options)
const folders = async () => (await readdir(join(out, 'checkpoints'))).sort()

it('restores weights, moments, step and positions in place, without leaks', async () => {
  optimizer.update([tensor([1, -2, 3, -4, 5, -6], [2, 3]), tensor([0.5, 0.25], [2])], { step: 0, factor: 1, gradientScale: 1 })
  const wanted = await Promise.all(
    [params.a, params.b, ...optimizer.state.first, ...optimizer.state.second].map((t) => t!.data()),
  )
  const folder = await store().write(content(1))
  optimizer.update([tensor(new Float32Array(6).fill(9), [2, 3]), tensor([9, 9], [2])], { step: 1, factor: 1, gradientScale: 1 })
  await withoutLeaks('restore', async () => {
    expect(await store().restore(folder, params, optimizer)).toEqual({
      step: 1,
      positions: [[1], [2]],
      data: { name: 'rows', length: 3 },
    })
  })
  const got = await Promise.all([params.a, params.b, ...optimizer.state.first, ...optimizer.state.second].map((t) => t!.data()))
  expect(got).toEqual(wanted)
})

it('keeps the newest k, and sweeps what a killed process left', async () => {
  for (const step of [1, 2, 3]) await store({ keep: 2 }).write(content(step))
  await writeFile(join(out, 'checkpoints', '.tmp-step-00000009'), 'half')
  await store({ keep: 2 }).write(content(4))
  expect(await folders()).toEqual(['latest', 'step-00000003', 'step-00000004'])
  expect(await readFile(join(out, 'checkpoints', 'latest'), 'utf8')).toBe('step-00000004\n')
})

it.each(['weights.safetensors', 'optimizer.safetensors', 'state.json', 'latest'])(
  'a disk that is full while %s is written leaves the last checkpoint',
  async (full) => {
    await store().write(content(1))
    const createSink = async (path: string) => {
      const sink = await fileSink(path)
      if (!path.endsWith(full)) return sink
      return {
        ...sink,
        write: async () => Promise.reject(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })),
      }
    }
    await expect(store({ createSink }).write(content(2))).rejects.toThrow(
      /checkpoint of step 2 could not be written: ENOSPC.*The one before is intact/,
    )
    expect((await folders()).filter((name) => name.includes('tmp'))).toEqual([])
    const found = await findCheckpoint(out)
    expect(found!.state.step).toBe(1)
    await store().restore(found!.folder, params, optimizer)
  },
)

describe('a run of several ranks', () => {
  const sharded = (rank: number, ranks: number) =>
    new Adamw(groupWeights(params, fromScratch()), {}, partsOf([6, 2], rangeOf(8, rank, ranks)))
  /** Moments by weight, put together from the parts of all ranks. */
  const momentsOf = async (optimizers: Adamw[]) => {
    const all: [number[], number[]] = [[], []]
    for (const { state } of optimizers) {
      for (const t of state.first) all[0].push(...(await t.data()))
      for (const t of state.second) all[1].push(...(await t.data()))
    }
    return all
  }
  const write = async (ranks: number, options?: StoreOptions) => {
    const optimizers = Array.from({ length: ranks }, (_, rank) => sharded(rank, ranks))
    const all = Float32Array.of(1, -2, 3, -4, 5, -6, 0.5, 0.25)
    try {
      optimizers.forEach((one) => {
        const gradients = one.parts.map(({ weight, begin, end }, i) =>
          tensor(all.slice(6 * weight + begin, 6 * weight + end), one.state.first[i]!.shape),
        )
        one.update(gradients, { step: 0, factor: 1, gradientScale: 1 })
      })
      await runRanks(ranks, (collective) => {
        const own = { ...content(1), optimizer: optimizers[collective.rank]! }
        return store(options).write(own, collective)
      })
      return await momentsOf(optimizers)
    } finally {
      for (const one of optimizers) one.dispose()
    }
  }

  it.each([
    [1, 3],
    [3, 1],
    [3, 2],
    [2, 5],
  ])('whose checkpoint %i ranks wrote goes on with %i, with the same moments', async (before, after) => {
    const wanted = await write(before)
    const { folder, state } = (await findCheckpoint(out))!
    expect(Object.keys(state.files)).toHaveLength(1 + before)
    const optimizers = Array.from({ length: after }, (_, rank) => sharded(rank, after))
    for (const one of optimizers) await store().restore(folder, params, one)
    expect(await momentsOf(optimizers)).toEqual(wanted)
    for (const one of optimizers) one.dispose()
  })

  it('leaves the last checkpoint when the disk of one rank is full, and names the cause on that rank alone', async () => {
    await write(1)
    const createSink = async (path: string) => {
      const sink = await fileSink(path)
      const full = async () => Promise.reject(new Error('ENOSPC: no space left on device, write'))
      return path.endsWith('optimizer-00002-of-00003.safetensors') ? { ...sink, write: full } : sink
    }
    await expect(write(3, { createSink })).rejects.toThrow(/could not be written: ENOSPC/)
    const found = (await findCheckpoint(out))!
    expect(Object.keys(found.state.files)).toHaveLength(2)
    expect(found.warnings).toEqual([])
  })

  it("is not continued when a rank's file is gone", async () => {
    await write(3)
    await rm(join(out, 'checkpoints', 'step-00000001', 'optimizer-00002-of-00003.safetensors'))
    await expect(findCheckpoint(out)).rejects.toThrow(/no checkpoint in .* is whole:[^]*optimizer-00002-of-00003/)
  })
})

it('passes over a damaged checkpoint, and says so', async () => {
  await store().write(content(1))
  const second = await store().write(content(2))
  const path = join(second, 'weights.safetensors')
  const bytes = await readFile(path)
  bytes[bytes.length - 1]! ^= 1
  await writeFile(path, bytes)
  const found = await findCheckpoint(out)
  expect(found!.state.step).toBe(1)
  expect(found!.warnings).toEqual([expect.stringMatching(/step-00000002.*not those that were written/)])
  await truncate(join(found!.folder, 'optimizer.safetensors'), 10)
  await expect(findCheckpoint(out)).rejects.toThrow(/no checkpoint in .* is whole/)
})

it('passes over a checkpoint whose state was edited, and reads one of before states were hashed', async () => {
  await store().write(content(1))
  const second = await store().write(content(2))
  const path = join(second, 'state.json')
  const text = await readFile(path, 'utf8')
  await writeFile(path, text.replace('"step": 2', '"step": 5'))
  const found = await findCheckpoint(out)
  expect(found!.state.step).toBe(1)
  expect(found!.warnings).toEqual([expect.stringMatching(/step-00000002.state\.json: its content is not what was written/)])
  const { hash: _, data: __, ...old } = JSON.parse(text) as Record<string, unknown>
  await writeFile(path, JSON.stringify({ ...old, format: 'casa-js checkpoint 1' }))
  expect((await findCheckpoint(out))!.state.step).toBe(2)
  await writeFile(path, JSON.stringify(old))
  expect((await findCheckpoint(out))!.state.step).toBe(1)
})

it('refuses to keep NaN', async () => {
  const broken = { ...params, b: tensor([NaN, 1], [2]) }
  await expect(store().write(content(1, broken))).rejects.toThrow(/b holds NaN or Infinity/)
  expect(await findCheckpoint(out)).toBeUndefined()
})

it('names what another model lacks, and shapes that differ', async () => {
  const folder = await store().write(content(1))
  await expect(store().restore(folder, { a: params.a!, c: params.b! }, optimizer)).rejects.toThrow(/missing c; unexpected b/)
  const wide = { a: tensor(new Float32Array(8), [2, 4]), b: params.b! }
  await expect(store().restore(folder, wide, optimizer)).rejects.toThrow(/a is \[2,3\], the model has \[2,4\]/)
})

it('replaces a model folder only by a whole one', async () => {
  await store().saveModel(async (folder) => (await fileSink(join(folder, 'config.json'))).commit())
  await expect(store().saveModel(async () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect((await readdir(join(out, 'model'))).sort()).toEqual(['casa-folder.json', 'config.json'])
})

it('names changed fields by their path', () => {
  expect(changedFields({ a: 1, b: { c: [1, 2] } }, { a: 1, b: { c: [1, 3] }, d: 0 })).toEqual(['b.c.1', 'd'])
})
