/** Checkpoints without a config: their sizes, their parts and the names of their tensors from shapes and numbering alone. */
import { readFileSync } from 'node:fs'
import type { TensorTable } from '@casa-js/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseVlmConfig } from './config.ts'
import { entriesOf, renamer, tableOf } from './fixtures/renamed.ts'
import { tinyConfig } from './fixtures/tiny.ts'
import { inferModel } from './infer-config.ts'

type Sizes = Record<string, unknown>

const { vision_config } = tinyConfig
/** With other sizes for all that has a shape of its own: by shape alone nothing can tell what is of one shape. */
const text_config = { ...tinyConfig.text_config, intermediate_size: 40 }
const base = { ...tinyConfig, text_config }
const qwenVision = {
  model_type: 'qwen2_5_vl',
  ...{ hidden_size: 32, depth: 4, num_heads: 4, intermediate_size: 44, patch_size: 14, spatial_merge_size: 2 },
  ...{ temporal_patch_size: 2, window_size: 112, fullatt_block_indexes: [1, 3], out_hidden_size: 16 },
}
const models = {
  'CASA in every block': base,
  'CASA in every third of seven blocks': { ...base, text_config: { ...text_config, num_hidden_layers: 7 }, fusion_config: { kind: 'casa', every: 3 } },
  'a head of its own': { ...base, text_config: { ...text_config, tie_word_embeddings: false } },
  'a convolutional stem': { ...base, vision_config: { ...vision_config, patch_size: 2, stem_channels: [6, 10] } },
  'queries narrower than the model': { ...base, text_config: { ...text_config, head_dim: 4 } },
  'no CASA layers': { ...base, fusion_config: { kind: 'insertion' } },
  "Qwen2's biases, and Qwen2.5-VL's encoder": { ...base, text_config: { ...text_config, model_type: 'qwen2' }, vision_config: qwenVision },
  'no encoder': { ...text_config, hidden_size: 24, num_key_value_heads: 2 },
} // prettier-ignore

/** Stores queries, keys and values as one tensor, and the two inputs of a gated layer, in the language model. */
function fuse(table: TensorTable): TensorTable {
  const together = [
    ['q_proj', ['k_proj', 'v_proj'], 'Wqkv'],
    ['gate_proj', ['up_proj'], 'gate_up'],
  ] as const
  return together
    .reduce<TensorTable>((specs, [first, others, whole]) => {
      const byName = new Map(specs.map((spec) => [spec.name, spec]))
      return specs.flatMap((spec) => {
        if (spec.name.startsWith('vision.') || others.some((other) => spec.name.includes(`.${other}.`))) return []
        if (!spec.name.includes(`.${first}.`)) return [spec]
        const parts = [first, ...others].map((part) => byName.get(spec.name.replace(first, part))!)
        const rows = parts.reduce((sum, { shape }) => sum + shape[0]!, 0)
        return [{ ...spec, name: spec.name.replace(first, whole), shape: [rows, ...spec.shape.slice(1)] }]
      })
    }, table)
    .concat(table.filter(({ name }) => name.startsWith('vision.')))
}

/** Sizes that shapes tell. */
function sizesOf(config: Sizes): Sizes {
  const { family, config: text } = parseVlmConfig(config).backbone
  const { heads, kvHeads, headSize, layers, width, intermediateSize, vocabSize, tiedEmbeddings } = text as Record<string, number>
  const { fusion_config: fusion, vision_config: vision } = config as { fusion_config?: Sizes; vision_config?: Sizes }
  const casa = fusion && { kind: fusion.kind, every: fusion.every ?? (fusion.kind === 'casa' ? 1 : undefined) }
  const sizes = [
    'hidden_size',
    'depth',
    'intermediate_size',
    'patch_size',
    'spatial_merge_size',
    'out_hidden_size',
    'stem_channels',
  ]
  return {
    family: family.modelType,
    ...{ layers, width, intermediateSize, vocabSize, tiedEmbeddings, queries: heads! * headSize!, keys: kvHeads! * headSize! },
    ...(casa && { casa }),
    ...(vision && { vision: Object.fromEntries(sizes.map((name) => [name, vision[name] ?? null])) }),
  }
}

/** What a config of Qwen2's blocks with Qwen2.5-VL's encoder is read as. */
const readAs = (sizes: Sizes): Sizes => (sizes.family === 'qwen2' ? { ...sizes, family: 'qwen2_5_vl' } : sizes)

describe.each(Object.entries(models))('a model with %s', (_, config) => {
  const table = tableOf(config)

  it('is read from shapes alone, whatever its tensors are called', () => {
    fc.assert(
      fc.property(fc.nat(), fc.boolean(), (seed, keepsLeaves) => {
        const rename = renamer(seed, keepsLeaves ? /^(weight|bias|[a-z]+_proj|qkv|proj|.*norm.*)$/ : /^$/)
        const { config: found, detection } = inferModel(entriesOf(table, rename))
        expect(detection.missing.concat(detection.unexplained).map(({ name }) => name)).toEqual([])
        expect(sizesOf(found)).toEqual(readAs(sizesOf(config)))
        if (keepsLeaves)
          for (const { wanted, found: stored } of detection.pairs)
            for (const [key, { name }] of wanted.members)
              expect([name, stored.members.get(key)!.name]).toEqual([name, rename(name)])
      }),
      { numRuns: 4 },
    )
  })

  it('is read from fused queries, keys and values, and fused inputs of gated layers', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const { config: found, detection } = inferModel(entriesOf(fuse(table), renamer(seed, /^(weight|bias)$/)))
        expect(detection.missing.concat(detection.unexplained).map(({ name }) => name)).toEqual([])
        expect(sizesOf(found)).toEqual(readAs(sizesOf(config)))
      }),
      { numRuns: 4 },
    )
  })
})

describe('checkpoints as they are published', () => {
  const json = (path: string) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Sizes
  const qwen = json('../fixtures/qwen2_5_vl/config.json')
  const asInTransformers5 = (name: string) =>
    name.replace(/^visual\./, 'model.visual.').replace(/^model\.(?!visual)/, 'model.language_model.')
  const attention = { num_attention_heads: 16, num_key_value_heads: 2 }
  /** Sizes of Qwen2.5-VL-3B-Instruct's config.json. */
  const whole = {
    ...{ model_type: 'qwen2_5_vl', hidden_size: 2048, intermediate_size: 11_008, num_hidden_layers: 36, ...attention },
    ...{ vocab_size: 151_936, tie_word_embeddings: true, rope_scaling: { type: 'mrope', mrope_section: [16, 24, 24] } },
    vision_config: { ...qwenVision, hidden_size: 1280, depth: 32, num_heads: 16, intermediate_size: 3420, out_hidden_size: 2048 },
  }

  it.each([
    ["Qwen2.5-VL's, small", qwen, (name: string) => name],
    ["Qwen2.5-VL's, small, under transformers 5's prefixes", qwen, asInTransformers5],
    ["Qwen2.5-VL's of 3 billion weights", whole, (name: string) => name],
    ["Helium's", json('../../backbones/fixtures/helium/config.json'), (name: string) => name],
  ])('%s: every tensor gets its name', (_, config, rename) => {
    const table = tableOf(config)
    const { detection } = inferModel(entriesOf(table, rename))
    expect(detection.missing.concat(detection.unexplained)).toEqual([])
    const found = new Map(
      detection.pairs.flatMap(({ wanted, found: stored }) =>
        [...wanted.members].map(([key, { name }]) => [name, stored.members.get(key)!.name]),
      ),
    )
    expect(found).toEqual(new Map(table.map(({ name }) => [name, rename(name)])))
  })

  it('the tensors of Helium as transformers saved them', () => {
    const bytes = readFileSync(new URL('../../backbones/fixtures/helium/model.safetensors', import.meta.url))
    const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString()) as Record<
      string,
      { shape: number[] }
    >
    const entries = new Map(Object.entries(header).filter(([name]) => name !== '__metadata__'))
    const { config, detection, unknown } = inferModel(entries, { heads: 6 })
    expect(detection.missing.concat(detection.unexplained)).toEqual([])
    expect(config).toMatchObject({
      model_type: 'llama',
      num_attention_heads: 6,
      num_key_value_heads: 6,
      head_dim: 8,
      vocab_size: 97,
    })
    expect(unknown).toEqual(['rms_norm_eps, rope_theta, max_position_embeddings'])
    expect(inferModel(entries).unknown[0]).toMatch(/^num_attention_heads: queries of 48 and keys of 48 rows fit/)
    expect(() => inferModel(entries, { heads: 7 })).toThrow(
      /--heads: no queries and keys of this checkpoint can be cut into 7 heads/,
    )
  })

  it('what is no language model is refused', () => {
    expect(() => inferModel(new Map([['a.weight', { shape: [3, 3] }]]))).toThrow(/no numbered tensors look like the blocks/)
    expect(() => inferModel(new Map([['a.0.bias', { shape: [3] }]]))).toThrow(/no tensor looks like the embedding/)
  })
})
