/** Tensors of our own models under other names, found again by shapes and numbering. */
import {
  convertModelFolder,
  detectTensors,
  memoryFolder,
  namesFileOf,
  openModelFolder,
  parseNamesFile,
  tensorsInMemory,
  writeModelFolder,
  type TensorToWrite,
} from '@casa-js/weights'
import { initialParams } from '@casa-js/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { entriesOf, renamer, tableOf } from './fixtures/renamed.ts'
import { tinyConfig } from './fixtures/tiny.ts'

const configs = {
  'CASA in every block': tinyConfig,
  'CASA in every second block': { ...tinyConfig, fusion_config: { kind: 'casa', every: 2 } },
  'a head of its own': { ...tinyConfig, text_config: { ...tinyConfig.text_config, tie_word_embeddings: false } },
  'a convolutional stem': { ...tinyConfig, vision_config: { ...tinyConfig.vision_config, patch_size: 2, stem_channels: [6] } },
  'queries narrower than the model': { ...tinyConfig, text_config: { ...tinyConfig.text_config, head_dim: 4 } },
  'no CASA layers': { ...tinyConfig, fusion_config: { kind: 'insertion' } },
}

const partOf = (name: string) => /^casa\.|lm_head|self_attn|mlp|merger|^vision|embed_tokens|norm/.exec(name)?.[0] ?? 'nothing'

describe.each(Object.entries(configs))('tensors of a model with %s', (_, config) => {
  const table = tableOf(config)

  it('are found again when all modules have other names and the last words are kept', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const rename = renamer(seed, /^(weight|bias|[a-z]+_proj|gate|up|down|qkv|proj|.*norm.*)$/)
        const detection = detectTensors(table, entriesOf(table, rename))
        expect(detection.missing.concat(detection.unexplained)).toEqual([])
        for (const { wanted, found } of detection.pairs)
          for (const [key, { name }] of wanted.members) expect([name, found.members.get(key)!.name]).toEqual([name, rename(name)])
      }),
      { numRuns: 20 },
    )
  })

  it('fall into the right parts when every word is another, and what is not certain is said to be a guess', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const rename = renamer(seed, /^$/)
        const back = new Map(table.map(({ name }) => [rename(name), name]))
        const detection = detectTensors(table, entriesOf(table, rename))
        expect(detection.missing.concat(detection.unexplained)).toEqual([])
        for (const { wanted, found, isGuess } of detection.pairs)
          for (const [key, { name }] of wanted.members) {
            const real = back.get(found.members.get(key)!.name)!
            expect([name, partOf(real)]).toEqual([name, partOf(name)])
            if (real !== name) expect([name, isGuess]).toEqual([name, true])
          }
      }),
      { numRuns: 20 },
    )
  })
})

describe('a checkpoint whose structure is another too', () => {
  const table = tableOf(tinyConfig)

  it('has its CASA layers inside the blocks', () => {
    const rename = (name: string) => name.replace(/^casa\.layers\.(\d+)\./, 'model.layers.$1.casa_attn.')
    const { pairs, missing, unexplained } = detectTensors(table, entriesOf(table, rename))
    expect(missing.concat(unexplained)).toEqual([])
    for (const { wanted, found } of pairs)
      for (const [key, { name }] of wanted.members) expect(found.members.get(key)!.name).toBe(rename(name))
  })

  it('holds more and less than the model wants: both are said', () => {
    const entries = entriesOf(table.filter(({ name }) => name !== 'model.norm.weight'))
    entries.set('extra.scale', { shape: [3, 5] })
    const { missing, unexplained } = detectTensors(table, entries)
    expect(missing.map(({ name }) => name)).toEqual(['model.norm.weight'])
    expect(unexplained.map(({ name }) => name)).toEqual(['extra.scale'])
  })
})

describe('a names file', () => {
  const table = tableOf({ ...tinyConfig, text_config: { ...tinyConfig.text_config, num_hidden_layers: 3 } })
  const values = new Map([...initialParams(table, 1)].map(({ spec, values: data }) => [spec.name, data]))
  const original: Record<string, TensorToWrite> = Object.fromEntries(
    table.map(({ name, shape }) => [name, { dtype: 'BF16', shape, data: values.get(name)! }]),
  )

  /** Queries, keys and values as one tensor, and every module under another name. */
  function fused(): Record<string, TensorToWrite> {
    const stored: Record<string, TensorToWrite> = {}
    const rename = (name: string) =>
      name
        .replace(/^model\./, 'net.text.')
        .replace(/^casa\.layers\./, 'net.bridge.')
        .replace(/^vision\./, 'eyes.')
    for (const [name, tensor] of Object.entries(original)) {
      if (/\.[kv]_proj\./.test(name)) continue
      if (!name.includes('.q_proj.')) {
        stored[rename(name)] = tensor
        continue
      }
      const parts = ['q_proj', 'k_proj', 'v_proj'].map((word) => original[name.replace('q_proj', word)]!)
      stored[rename(name).replace('q_proj', 'Wqkv')] = {
        dtype: 'BF16',
        shape: [parts.reduce((rows, { shape }) => rows + shape[0]!, 0), ...tensor.shape.slice(1)],
        data: Float32Array.from(parts.flatMap(({ data }) => [...(data as Float32Array)])),
      }
    }
    return stored
  }

  it('that was detected turns fused and renamed tensors back into the same bytes', async () => {
    const [odd, whole, converted] = [memoryFolder('odd'), memoryFolder('whole'), memoryFolder('converted')]
    await writeModelFolder(odd, { config: {}, weights: tensorsInMemory(fused()) })
    await writeModelFolder(whole, { config: {}, weights: tensorsInMemory(original) })
    const stored = new Map(Object.entries(fused()).map(([name, { shape }]) => [name, { shape }]))
    const detection = detectTensors(table, stored)
    expect(detection.missing.concat(detection.unexplained)).toEqual([])
    expect(detection.fused.map(({ found }) => found.name).sort()).toEqual([
      'net.bridge.*.Wqkv.weight',
      'net.text.layers.*.self_attn.Wqkv.weight',
    ])
    const names = parseNamesFile(JSON.parse(JSON.stringify(namesFileOf(detection))), 'names.json')
    await convertModelFolder(odd, converted, { names })
    const { weights: one } = await openModelFolder(converted)
    const { weights: other } = await openModelFolder(whole)
    expect([...one.entries().keys()].sort()).toEqual([...other.entries().keys()].sort())
    for (const name of one.entries().keys()) expect(await one.readBytes(name), name).toEqual(await other.readBytes(name))
  })

  it.each([
    [{ nmaes: [] }, /names\.json: nmaes: there is no such field/],
    [{ split: [['a', []]] }, /split\[0\]: expected \[pattern, \[\[name, rows\], \.\.\]\]/],
    [{ split: [['(', [['a', 1]]]] }, /is not a regular expression/],
    [3, /expected \{ "names"/],
  ])('%j is refused', (json, message) => {
    expect(() => parseNamesFile(json, 'names.json')).toThrow(message)
  })

  it('that cuts a tensor into other rows than it has is refused', async () => {
    const odd = memoryFolder('odd')
    await writeModelFolder(odd, { config: {}, weights: tensorsInMemory({ a: original['model.norm.weight']! }) })
    const names = { names: [], split: [['^a$', [['b', 3]]]] as const }
    await expect(convertModelFolder(odd, memoryFolder('out'), { names })).rejects.toThrow(
      /cut into 3 rows, and has the shape \[16\]/,
    )
  })
})
