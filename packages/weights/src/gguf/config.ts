/** Metadata of a GGUF file -> config.json, as transformers would write it. Unknown settings that change the arithmetic are errors. */
import { ConfigError } from '@casa-js/base'
import type { GgufTensor } from './header.ts'
import type { GgufMetadata } from './metadata.ts'
import { modelTypes } from './names.ts'

/** Keys that change what a model computes, and that no model here supports. */
const refusedKeys = [
  'expert_count',
  'attention.clamp_kqv',
  'attention.max_alibi_bias',
  'attn_logit_softcapping',
  'final_logit_softcapping',
  'attention.scale',
  'logit_scale',
  'embedding_scale',
  'residual_scale',
]

/**
 * @param tensors by their names in the file: they show whether there are biases and an untied head
 * @throws ConfigError naming the key, for an architecture or a setting that is not supported.
 */
export function configOf(meta: GgufMetadata, tensors: ReadonlyMap<string, GgufTensor>): Record<string, unknown> {
  const architecture = meta.text('general.architecture')
  const modelType = Object.hasOwn(modelTypes, architecture) ? modelTypes[architecture] : undefined
  if (modelType === undefined)
    meta.refuse(
      'general.architecture',
      `expected one of ${Object.keys(modelTypes).join(', ')}, found ${JSON.stringify(architecture)}`,
    )
  const key = (name: string) => `${architecture}.${name}`
  for (const name of refusedKeys) {
    if (meta.optionalNumber(key(name))) meta.refuse(key(name), 'this setting is not supported')
  }
  if (tensors.has('rope_freqs.weight'))
    throw new ConfigError(
      `${meta.file}: rope_freqs.weight`,
      'rotary frequencies with factors of their own (Llama 3.1) are not supported',
    )
  const [width, heads] = [meta.number(key('embedding_length')), meta.number(key('attention.head_count'))]
  const headSize =
    meta.optionalNumber(key('attention.key_length')) ?? meta.optionalNumber(key('rope.dimension_count')) ?? width / heads
  const rotated = meta.optionalNumber(key('rope.dimension_count')) ?? headSize
  if (rotated !== headSize) meta.refuse(key('rope.dimension_count'), `${rotated} of ${headSize} columns turn; all must`)
  const values = meta.optionalNumber(key('attention.value_length')) ?? headSize
  if (values !== headSize) meta.refuse(key('attention.value_length'), `${values} where heads have ${headSize} columns`)
  const has = (name: string) => tensors.has(name)
  return {
    model_type: modelType,
    hidden_size: width,
    intermediate_size: meta.number(key('feed_forward_length')),
    num_hidden_layers: meta.number(key('block_count')),
    num_attention_heads: heads,
    num_key_value_heads: meta.optionalNumber(key('attention.head_count_kv')) ?? heads,
    head_dim: headSize,
    hidden_act: 'silu',
    vocab_size: tensors.get('token_embd.weight')?.shape[0] ?? meta.number(key('vocab_size')),
    max_position_embeddings: meta.number(key('context_length')),
    rms_norm_eps: shortest(meta.number(key('attention.layer_norm_rms_epsilon'))),
    rope_theta: shortest(meta.optionalNumber(key('rope.freq_base')) ?? 10_000),
    ...ropeScaling(meta, architecture),
    ...(meta.has(key('attention.sliding_window')) && { sliding_window: meta.number(key('attention.sliding_window')) }),
    ...(architecture === 'llama' && { attention_bias: has('blk.0.attn_q.bias'), mlp_bias: has('blk.0.ffn_gate.bias') }),
    tie_word_embeddings: !has('output.weight'),
    ...tokenIds(meta),
  }
}

function ropeScaling(meta: GgufMetadata, architecture: string): { rope_scaling?: Record<string, unknown> } {
  const sections = meta.optionalNumbers(`${architecture}.rope.dimension_sections`)
  if (sections) return { rope_scaling: { type: 'mrope', mrope_section: sections.slice(0, 3) } }
  const type = meta.optionalText(`${architecture}.rope.scaling.type`)
  if (type === undefined || type === 'none') return {}
  const scaling = {
    rope_type: type,
    factor: meta.number(`${architecture}.rope.scaling.factor`),
    original_max_position_embeddings: meta.optionalNumber(`${architecture}.rope.scaling.original_context_length`),
  }
  return { rope_scaling: scaling }
}

/** Special token ids of config.json; the end-of-turn token counts as an eos token too. */
function tokenIds(meta: GgufMetadata): Record<string, unknown> {
  const id = (name: string) => meta.optionalNumber(`tokenizer.ggml.${name}_token_id`)
  const ends = [...new Set([id('eos'), id('eot'), id('eom')].filter((value) => value !== undefined))]
  return {
    ...(id('bos') !== undefined && { bos_token_id: id('bos') }),
    ...(ends.length > 0 && { eos_token_id: ends.length === 1 ? ends[0] : ends }),
    ...(id('padding') !== undefined && { pad_token_id: id('padding') }),
  }
}

/** The shortest decimal that rounds to this float32: files hold 1e-5 as 9.999999747378752e-06. */
function shortest(value: number): number {
  for (let digits = 1; digits < 10; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === Math.fround(value)) return short
  }
  return value
}
