/** Parses the config.json fields that all Llama-like families share, in the layouts of transformers 4.x and 5.x. */
import { Fields } from '@casa-js/base'
import { checkFields } from './config-fields.ts'
import type { DecoderConfig } from './config.ts'
import { parseScaling, rotaryKinds, type RotaryScaling } from './rotary.ts'
import { parseWindows, type WindowRule } from './windows.ts'

/** What differs in a family, given by its own file. */
export type Specifics = Pick<DecoderConfig, 'modelType' | 'ropeLayout' | 'biases'> & {
  defaults: { ropeTheta: number; normEps: number }
  /** Other names for rotary positions that are not scaled, e.g. "mrope". */
  unscaledRopeTypes?: readonly string[]
  /** Which layers have sliding windows; families without it have none. */
  windows?: WindowRule
  /** Fields of config.json that the family reads itself. */
  fields?: readonly string[]
}

interface Rotary {
  ropeTheta: number
  ropeScaling?: RotaryScaling
  sections?: number[]
}

const rotaryFields = new Set([
  ...['rope_type', 'type', 'rope_theta', 'mrope_section', 'factor', 'original_max_position_embeddings', 'attention_factor'],
  ...['beta_fast', 'beta_slow', 'mscale', 'mscale_all_dim', 'truncate', 'low_freq_factor', 'high_freq_factor'],
])

/**
 * 5.x keeps rotary settings in `rope_parameters`; 4.x keeps `rope_theta` beside an optional `rope_scaling`.
 * @throws ConfigError for a scaling that is not implemented: ignoring it would give silently wrong logits
 */
function parseRotary(f: Fields, { defaults, unscaledRopeTypes = [] }: Specifics, maxPositions: number): Rotary {
  const nested = f.has('rope_parameters') ? f.object('rope_parameters') : undefined
  const settings = nested ?? f.object('rope_scaling', { optional: true })
  for (const name of settings.names()) {
    const unknown = 'a rotary setting that is not known here, and may change what the model computes'
    const whole = name === 'partial_rotary_factor' && settings.raw(name) === 1
    settings.require(rotaryFields.has(name) || whole, name, unknown)
  }
  const unscaled = ['default', ...unscaledRopeTypes]
  const kind = settings.oneOf(settings.has('rope_type') ? 'rope_type' : 'type', [...unscaled, ...rotaryKinds], 'default')
  const scaled = rotaryKinds.find((name) => name === kind)
  const trained = f.integer('original_max_position_embeddings', { fallback: maxPositions })
  return {
    ropeTheta: (nested ?? f).number('rope_theta', { fallback: defaults.ropeTheta }),
    ...(scaled && { ropeScaling: parseScaling(settings, scaled, trained) }),
    ...(settings.has('mrope_section') && { sections: settings.integers('mrope_section', { length: 3 }) }),
  }
}

/**
 * The config.json of a Llama-like model.
 * @param specifics what the family sets itself
 * @param path prefix of field names in errors
 * @throws ConfigError naming the field; also for an unknown field, as it may change what the model computes
 */
export function parseDecoderConfig(json: unknown, specifics: Specifics, path = 'config.json'): DecoderConfig {
  const f = new Fields(json, path)
  checkFields(f, specifics.fields)
  const width = f.integer('hidden_size')
  const heads = f.integer('num_attention_heads')
  const kvHeads = f.integer('num_key_value_heads', { fallback: heads })
  f.require(heads % kvHeads === 0, 'num_key_value_heads', `expected a divisor of num_attention_heads = ${heads}`)
  if (!f.has('head_dim'))
    f.require(width % heads === 0, 'num_attention_heads', `expected a divisor of hidden_size = ${width}, or head_dim`)
  const headSize = f.integer('head_dim', { fallback: width / heads })
  f.require(headSize % 2 === 0, 'head_dim', 'expected an even head size, as rotary positions turn pairs')
  f.oneOf('hidden_act', ['silu', 'swish'], 'silu')
  const { qkv, feedForward } = specifics.biases
  f.require(f.boolean('attention_bias', qkv) === qkv, 'attention_bias', `expected ${qkv} for ${specifics.modelType}`)
  f.require(f.boolean('mlp_bias', feedForward) === feedForward, 'mlp_bias', `expected ${feedForward} for ${specifics.modelType}`)
  // Far above any model; without a limit, a broken config could create tables of two billion layers.
  const layers = f.integer('num_hidden_layers', { max: 4096 })
  const windows = parseWindows(f, layers, specifics.windows)
  const maxPositions = f.integer('max_position_embeddings', { fallback: 2048 })
  const { ropeTheta, ropeScaling, sections } = parseRotary(f, specifics, maxPositions)
  const settings = f.has('rope_parameters') ? 'rope_parameters' : 'rope_scaling'
  if (ropeScaling) f.require(headSize > 2, 'head_dim', 'expected a head size above 2 for scaled rotary positions')
  if (sections) {
    const pairs = sections.reduce((sum, n) => sum + n, 0)
    const expected = `expected an mrope_section that sums to half the head size, ${headSize / 2}`
    f.require(pairs === headSize / 2, settings, expected)
  }
  const vocabSize = f.integer('vocab_size')
  // Some published configs use -1, or an id outside the vocabulary, to mean none.
  const padding = f.integer('pad_token_id', { min: -(2 ** 31), fallback: -1 })
  const padToken = padding >= 0 && padding < vocabSize ? padding : undefined
  return {
    modelType: specifics.modelType,
    layers,
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
    ...(ropeScaling && { ropeScaling }),
    ...(windows && { windows }),
    biases: specifics.biases,
    tiedEmbeddings: f.boolean('tie_word_embeddings', false),
    ...(padToken !== undefined && { padToken }),
    maxPositions,
  }
}
