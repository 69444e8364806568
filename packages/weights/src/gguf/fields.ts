/** config.json, tokenizer.json and a chat template -> metadata of a GGUF file: the inverse of config.ts and tokenizer.ts. */
import { ConfigError, Fields } from '@casa-js/base'
import type { ModelFolder } from '../folder/model-folder.ts'
import type { GgufField } from './metadata-writer.ts'
import { modelTypes } from './names.ts'
import { preTokenizerName } from './tokenizer.ts'

/** The metadata of a model's GGUF file. @throws ConfigError for a model that llama.cpp does not support. */
export function fieldsOf(model: Omit<ModelFolder, 'weights'>): { architecture: string; fields: Map<string, GgufField> } {
  const f = new Fields(model.config, 'config.json')
  const modelType = f.string('model_type')
  const architecture = Object.keys(modelTypes).find((key) => modelTypes[key] === modelType)
  if (architecture === undefined || architecture === 'qwen2vl')
    throw new ConfigError(
      'config.json: model_type',
      `a GGUF file can be written of llama and qwen2, found ${JSON.stringify(modelType)}`,
    )
  const scaling = f.has('rope_parameters') ? f.object('rope_parameters') : f.object('rope_scaling', { optional: true })
  for (const key of ['rope_type', 'type']) {
    if (scaling.has(key)) scaling.require(scaling.string(key) === 'default', key, 'rotary scaling is not written to GGUF')
  }
  const width = f.integer('hidden_size')
  const heads = f.integer('num_attention_heads')
  const headSize = f.integer('head_dim', { fallback: width / heads })
  const numbers: [string, 'uint32' | 'float32', number][] = [
    ['block_count', 'uint32', f.integer('num_hidden_layers')],
    ['context_length', 'uint32', f.integer('max_position_embeddings')],
    ['embedding_length', 'uint32', width],
    ['feed_forward_length', 'uint32', f.integer('intermediate_size')],
    ['attention.head_count', 'uint32', heads],
    ['attention.head_count_kv', 'uint32', f.integer('num_key_value_heads', { fallback: heads })],
    ['attention.key_length', 'uint32', headSize],
    ['attention.value_length', 'uint32', headSize],
    ['attention.layer_norm_rms_epsilon', 'float32', f.number('rms_norm_eps', { fallback: 1e-6 })],
    ['rope.dimension_count', 'uint32', headSize],
    ['rope.freq_base', 'float32', (scaling.has('rope_theta') ? scaling : f).number('rope_theta', { fallback: 10_000 })],
    ['vocab_size', 'uint32', f.integer('vocab_size')],
  ]
  const fields = new Map<string, GgufField>([
    ['general.architecture', { type: 'string', value: architecture }],
    ['general.name', { type: 'string', value: model.name.split(/[/\\]/).at(-1) ?? architecture }],
    ...numbers.map(([key, type, value]): [string, GgufField] => [`${architecture}.${key}`, { type, value }]),
  ])
  if (model.tokenizerJson !== undefined) addTokenizer(fields, model, f.integer('vocab_size'))
  if (model.chatTemplate !== undefined) fields.set('tokenizer.chat_template', { type: 'string', value: model.chatTemplate })
  for (const [key, name] of [
    ['bos_token_id', 'bos'],
    ['eos_token_id', 'eos'],
    ['pad_token_id', 'padding'],
  ] as const) {
    const id = firstId(f.has(key) ? f.raw(key) : undefined)
    if (id !== undefined) fields.set(`tokenizer.ggml.${name}_token_id`, { type: 'uint32', value: id })
  }
  return { architecture, fields }
}

/** A token id, or the first of several. */
function firstId(value: unknown): number | undefined {
  const id: unknown = Array.isArray(value) ? value[0] : value
  return typeof id === 'number' && id >= 0 ? id : undefined
}

interface Tokenizer {
  added_tokens?: { id: number; content: string; special?: boolean }[]
  model?: { type?: string; vocab?: Record<string, number>; merges?: (string | [string, string])[]; byte_fallback?: boolean }
  pre_tokenizer?: unknown
}

/** Only byte-level BPE has all that GGUF needs: SentencePiece's scores are not in a tokenizer.json. */
function addTokenizer(
  fields: Map<string, GgufField>,
  { tokenizerJson, tokenizerConfig }: Omit<ModelFolder, 'weights'>,
  vocabSize: number,
): void {
  const { added_tokens: added = [], model, pre_tokenizer: pre } = Object(tokenizerJson) as Tokenizer
  const name = model?.type === 'BPE' && !model.byte_fallback ? preTokenizerName(pre) : undefined
  if (!model?.vocab || !model.merges || name === undefined)
    throw new ConfigError(
      'tokenizer.json',
      'a GGUF file can be written with a byte-level BPE tokenizer of a kind that llama.cpp has a name for',
    )
  const tokens = Array.from({ length: vocabSize }, (_, id) => `[PAD${id}]`)
  const types = tokens.map(() => 5)
  const put = (token: string, id: number, type: number) => {
    if (id >= vocabSize)
      throw new ConfigError('tokenizer.json', `the token ${JSON.stringify(token)} has id ${id}, vocab_size is ${vocabSize}`)
    tokens[id] = token
    types[id] = type
  }
  for (const [token, id] of Object.entries(model.vocab)) put(token, id, 1)
  for (const { content, id, special } of added) put(content, id, special ? 3 : 4)
  const merges = model.merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' ')))
  const { add_bos_token: addsBos } = Object(tokenizerConfig) as { add_bos_token?: unknown }
  fields.set('tokenizer.ggml.model', { type: 'string', value: 'gpt2' })
  fields.set('tokenizer.ggml.pre', { type: 'string', value: name })
  fields.set('tokenizer.ggml.tokens', { type: 'strings', value: tokens })
  fields.set('tokenizer.ggml.token_type', { type: 'int32s', value: types })
  fields.set('tokenizer.ggml.merges', { type: 'strings', value: merges })
  fields.set('tokenizer.ggml.add_bos_token', { type: 'bool', value: addsBos === true })
}
