import { readFile } from 'node:fs/promises'
import { ConfigError } from '@casa-js/base'
import { createRandom } from '@casa-js/core/random'
import { describe, expect, it } from 'vitest'
import { memoryFolder } from '../bytes/folder.ts'
import { convertModelFolder } from '../convert/convert.ts'
import { parseNameMap } from '../load/name-map.ts'
import { configTarget } from './config-target.ts'
import { fuzz, FuzzFailure } from './fuzz.ts'
import { ggufTarget } from './gguf-target.ts'
import { mutateBytes } from './mutate-bytes.ts'
import { mutateJson } from './mutate-json.ts'
import { safetensorsTarget } from './safetensors-target.ts'

const fixture = (name: string) => readFile(new URL(`../../fixtures/${name}`, import.meta.url))

/** A small file with several dtypes, and one with quantised tensors. */
async function seedFiles(): Promise<Uint8Array[]> {
  const to = memoryFolder('to')
  await convertModelFolder(
    memoryFolder(
      'from',
      new Map([['model.safetensors', await fixture('llama-helium1-bf16-sharded/model-00003-of-00003.safetensors')]]),
    ),
    to,
    { dtype: 'Q4' },
  )
  return [await fixture('half.safetensors'), to.files.get('model.safetensors')!]
}

describe('fuzzing', () => {
  it('the reader refuses mutated files with typed errors only, within its memory', async () => {
    const report = await fuzz(safetensorsTarget(await seedFiles()), { cases: 3_000, seed: 3 })
    expect(report.accepted).toBeGreaterThan(100)
    // The mutations must reach every part of the reader for the run to be meaningful.
    expect(Object.keys(report.refused)).toEqual(
      expect.arrayContaining([
        'json',
        'dtype',
        'shape',
        'offsets',
        'holes',
        'file-length',
        'header-size',
        'duplicate-key',
        'fields',
        'utf-8',
        'overflow',
        'quantized',
      ]),
    )
  })

  it('the GGUF reader refuses mutated files with typed errors only', async () => {
    const seeds = await Promise.all(['types', 'llama', 'spm'].map((name) => fixture(`gguf/${name}.gguf`)))
    const report = await fuzz(ggufTarget(seeds), { cases: 1_500, seed: 4 })
    expect(report.accepted).toBeGreaterThan(50)
    expect(Object.keys(report.refused)).toEqual(
      expect.arrayContaining([
        'format',
        'file-length',
        'header-size',
        'overflow',
        'shape',
        'dtype',
        'utf-8',
        'metadata',
        'ConfigError',
      ]),
    )
  })

  it('the name map refuses mutated JSON with ConfigError only', async () => {
    const report = await fuzz(
      configTarget(
        (json) => parseNameMap(json),
        [
          [
            ['^a(b)', '$1'],
            ['c', null],
          ],
        ],
      ),
      { cases: 500 },
    )
    expect(report.refused.ConfigError).toBeGreaterThan(100)
  })

  it('the index of shards refuses mutated text with typed errors only', async () => {
    const { parseShardIndex } = await import('../safetensors/shards.ts')
    const target = safetensorsTarget([await fixture('llama-helium1-bf16-sharded/model.safetensors.index.json')])
    const read = (bytes: Uint8Array) => parseShardIndex('index', new TextDecoder().decode(bytes))
    const report = await fuzz({ ...target, read }, { cases: 1_000 })
    expect(report.refused.json).toBeGreaterThan(100)
  })

  it('brings a failure back by its number', async () => {
    const parse = (json: unknown) => {
      if ((json as { a?: unknown })?.a === null) throw new TypeError('crash')
      throw new ConfigError('a', 'refused')
    }
    const target = configTarget(parse, [{ a: 1 }])
    const failure: FuzzFailure = await fuzz(target, { cases: 5_000, seed: 9 }).then(
      () => expect.unreachable(),
      (error) => error,
    )
    expect(failure).toBeInstanceOf(FuzzFailure)
    await expect(fuzz(target, { cases: 1, from: failure.index, seed: 9 })).rejects.toMatchObject({
      index: failure.index,
      input: failure.input,
    })
  })

  it('calls a slow case a failure', async () => {
    const target = configTarget(() => new Promise((resolve) => setTimeout(resolve, 20)), [{}])
    await expect(fuzz(target, { cases: 1, limitMs: 5 })).rejects.toThrow(/took \d+ ms/)
  })

  it('leaves its seeds as they were', () => {
    const json = { a: [1, { b: 2 }], c: 'd' }
    const bytes = Uint8Array.from({ length: 50 }, (_, i) => i)
    const before = [structuredClone(json), bytes.slice()]
    for (let i = 0; i < 500; i++) {
      mutateJson(json, createRandom(i))
      mutateBytes(bytes, createRandom(i))
    }
    expect([json, bytes]).toEqual(before)
  })
})
