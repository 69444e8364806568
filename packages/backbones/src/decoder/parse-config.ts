/** Fields that config.json of every Llama-like family shares, in the layouts of transformers 4.x and 5.x. */
import { Fields } from '@casa-js/base'
import type { DecoderConfig } from './config.ts'

/** Differences of a family, filled in by its own file. */
export type Specifics = Pick<DecoderConfig, 'modelType' | 'ropeLayout' | 'biases'> & {
  defaults: { ropeTheta: number; normEps: number }
  /** Rotary types this family accepts beside "default". */
  ropeTypes?: readonly string[]
}

/**
 * 5.x keeps rotary settings in `rope_parameters`; 4.x keeps `rope_theta` beside an optional `rope_scaling`.
 * @throws ConfigError for a scaling that is not implemented: ignoring it would give silently wrong logits.
 */
function parseRotary(f: Fields, { defaults, ropeTypes = [] }: Specifics): { ropeTheta: number; sections?: number[] } {
  const nested = f.has('rope_parameters') ? f.object('rope_parameters') : undefined
  const scaling = nested ?? f.object('rope_scaling', { optional: true })
  const key = scaling.has('rope_type') ? 'rope_type' : 'type'
  const known = ['default', ...ropeTypes]
  scaling.require(
    !scaling.has(key) || known.includes(scaling.string(key)),
    key,
    `rotary scaling is not implemented; expected ${known.join(' or ')}`,
  )
  return {
    ropeTheta: (nested ?? f).number('rope_theta', { fallback: defaults.ropeTheta }),
    ...(scaling.has('mrope_section') && { sections: scaling.integers('mrope_section', { length: 3 }) }),
  }
}

export function parseDecoderConfig(json: unknown, specifics: Specifics, path = 'config.json'): DecoderConfig {
  const f = new Fields(json, path)
  const width = f.integer('hidden_size')
  const heads = f.integer('num_attention_heads')
  const kvHeads = f.integer('num_key_value_heads', { fallback: heads })
  f.require(heads % kvHeads === 0, 'num_key_value_heads', `expected a divisor of num_attention_heads = ${heads}`)
  if (!f.has('head_dim'))
    f.require(width % heads === 0, 'num_attention_heads', `expected a divisor of hidden_size = ${width}, or head_dim`)
  const headSize = f.integer('head_dim', { fallback: width / heads })
  f.require(headSize % 2 === 0, 'head_dim', 'expected an even head size, as rotary positions turn pairs')
  f.oneOf('hidden_act', ['silu'], 'silu')
  if (f.has('use_sliding_window'))
    f.require(!f.boolean('use_sliding_window'), 'use_sliding_window', 'sliding windows are not implemented; expected false')
  const { ropeTheta, sections } = parseRotary(f, specifics)
  if (sections) {
    const pairs = sections.reduce((sum, n) => sum + n, 0)
    f.require(
      pairs === headSize / 2,
      f.has('rope_parameters') ? 'rope_parameters' : 'rope_scaling',
      `expected an mrope_section that sums to half the head size, ${headSize / 2}`,
    )
  }
  const vocabSize = f.integer('vocab_size')
  // Some published configs say -1, or an id that the vocabulary lacks, where they mean none.
  const padding = f.integer('pad_token_id', { min: -(2 ** 31), fallback: -1 })
  const padToken = padding >= 0 && padding < vocabSize ? padding : undefined
  return {
    modelType: specifics.modelType,
    // Far above any model; without a bound a broken config makes tables of two thousand million layers.
    layers: f.integer('num_hidden_layers', { max: 4096 }),
    width,
    intermediateSize: f.integer('intermediate_size'),
    heads,
    kvHeads,
    headSize,
    vocabSize,
    normEps: f.number('rms_norm_eps', { fallback: specifics.defaults.normEps }),
    ropeTheta,
    ropeLayout: specifics.ropeLayout,
    ...(sections && { ropeSections: sections }),
    biases: specifics.biases,
    tiedEmbeddings: f.boolean('tie_word_embeddings', false),
    ...(padToken !== undefined && { padToken }),
    maxPositions: f.integer('max_position_embeddings', { fallback: 2048 }),
  }
}
