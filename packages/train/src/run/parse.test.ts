/** Runs as people write them: defaults, and errors that name the field. */
import { describe, expect, it } from 'vitest'
import { changedFields } from '../checkpoint/state.node.ts'
import { NEW_RATE, PRETRAINED_RATE } from '../groups.ts'
import { configOf, parseRun } from './parse.ts'
import { resolveReference } from './modules.node.ts'
import { shardOf } from './shard.ts'

const minimal = {
  model: { folder: 'model' },
  data: { jsonl: 'rows.jsonl' },
  batch: { textTokens: 512, imageTokens: 512 },
  steps: 1000,
}
const fresh = { config: { model_type: 'casa_vlm' }, tokenizer: { file: 'tokenizer.json' } }

describe('parseRun', () => {
  it('fills in defaults', () => {
    expect(parseRun(minimal, 'run.json')).toMatchObject({
      batch: { perStep: 1 },
      schedule: { warmup: 50, cooldown: 200 },
      groups: [
        { learningRate: NEW_RATE, match: ['casa.*'] },
        { learningRate: PRETRAINED_RATE, match: ['*'] },
      ],
      optimizer: { betas: [0.9, 0.95], epsilon: 1e-8 },
      clip: 1,
      recompute: false,
      checkpoint: { every: 50, keep: 2 },
      save: 'BF16',
      workers: 1,
      device: 'auto',
    })
    expect(parseRun({ ...minimal, model: fresh }, 'run.json')).toMatchObject({
      model: { template: 'casa-reader' },
      groups: [{ learningRate: NEW_RATE, match: ['*'] }],
    })
  })
  it.each<[object, RegExp]>([
    [{ ...minimal, stepps: 3 }, /run\.json: stepps: there is no such field; known are model, data, batch, steps/],
    [{ ...minimal, steps: '100' }, /run\.json: steps: expected an integer of 1 to \d+, found "100"/],
    [{ ...minimal, batch: { textTokens: 512 } }, /run\.json: batch: imageTokens: expected an integer/],
    [{ ...minimal, data: {} }, /run\.json: data: module: expected a string, found nothing/],
    [
      { ...minimal, data: { jsonl: 'a', module: 'b' } },
      /run\.json: data: jsonl: a dataset is one of module, jsonl, shards; module and jsonl are given/,
    ],
    [{ ...minimal, featureCache: { folder: 'a', dtype: 'F16' } }, /run\.json: featureCache: dtype: expected "F32" or "BF16"/],
    [{ ...minimal, data: { shards: [] } }, /run\.json: data: shards: expected at least one/],
    [{ ...minimal, data: { shards: 'a', columns: { query: 'b' } } }, /run\.json: data: columns: query: there is no such field/],
    [{ ...minimal, model: { folder: 'a', config: {} } }, /run\.json: model: folder: a folder brings its own config/],
    [{ ...minimal, model: { config: {} } }, /run\.json: model: tokenizer: expected an object, found nothing/],
    [
      { ...minimal, groups: [{ name: 'a', match: 'b', learningRate: 1 }] },
      /run\.json: groups\.0: match: expected a list of strings/,
    ],
    [
      { ...minimal, groups: [{ name: 'a', match: ['b'], learningRate: -1 }] },
      /run\.json: groups\.0: learningRate: expected a number above 0/,
    ],
    [{ ...minimal, optimizer: { betas: [0.9, 1] } }, /run\.json: optimizer: betas: expected two numbers of 0 to below 1/],
    [{ ...minimal, evaluate: { every: 10, data: [] } }, /run\.json: evaluate: data: expected a list of datasets/],
    [
      { ...minimal, evaluate: { every: 10, data: [{ modul: 'x' }] } },
      /run\.json: evaluate: data\.0: modul: there is no such field/,
    ],
    [{ ...minimal, recompute: 'yes' }, /run\.json: recompute: expected true or false, found "yes"/],
    [{ ...minimal, schedule: { warmup: -1 } }, /run\.json: schedule: warmup/],
    [{ ...minimal, device: 'cuda' }, /run\.json: device: expected "auto" or "webgpu" or "wasm" or "cpu", found "cuda"/],
  ])('names what is wrong: %j', (run, message) => {
    expect(() => parseRun(run, 'run.json')).toThrow(message)
  })
  it('knows what a checkpoint needs unchanged, and what may be tuned', () => {
    const config = (changes: object) => configOf(parseRun({ ...minimal, ...changes }, 'run.json'))
    expect(config({ workers: 2, out: 'x', device: 'cpu', checkpoint: { every: 7 } })).toEqual(config({}))
    expect(changedFields(config({}).fixed, config({ seed: 2 }).fixed)).toEqual(['seed'])
    expect(config({ clip: 2 }).fixed).toEqual(config({}).fixed)
    expect(changedFields(config({}).tunable, config({ clip: 2 }).tunable)).toEqual(['clip'])
  })
})

describe('references', () => {
  it('start at the run file', () => {
    expect(resolveReference({ jsonl: 'a.jsonl', images: 'b' }, '/runs/run.json', 'data')).toEqual({
      jsonl: '/runs/a.jsonl',
      images: '/runs/b',
    })
    const shards = ['train', 'https://host/train/', 'hub:owner/name']
    expect(resolveReference({ shards, buffer: 10 }, '/runs/run.json', 'data')).toEqual({
      shards: ['/runs/train', 'https://host/train/', 'hub:owner/name'],
      buffer: 10,
    })
    expect(resolveReference({ module: './data.ts' }, '/runs/run.json', 'data')).toEqual({ module: 'file:///runs/data.ts' })
    expect(() => resolveReference({ module: 'no-such-package' }, '/runs/run.json', 'data')).toThrow(
      /data\.module: "no-such-package" cannot be found from \/runs\/run\.json/,
    )
  })
})

describe('shardOf', () => {
  it('deals every example to one shard', async () => {
    const dataset = { name: 'ten', length: 10, get: async (index: number) => ({ id: String(index), task: '', messages: [] }) }
    const ids: string[] = []
    for (let shard = 0; shard < 3; shard++) {
      const part = shardOf(dataset, shard, 3)
      for (let i = 0; i < part.length; i++) ids.push((await part.get(i)).id)
    }
    expect(ids.sort()).toEqual(Array.from({ length: 10 }, (_, i) => String(i)))
    expect(() => shardOf({ ...dataset, length: 2 }, 2, 3)).toThrow(/2 examples cannot be dealt to 3 micro-batches/)
    expect(shardOf({ ...dataset, length: Infinity }, 1, 3).length).toBe(Infinity)
  })
})
