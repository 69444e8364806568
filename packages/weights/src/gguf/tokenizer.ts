/**
 * Metadata of a GGUF file -> tokenizer.json and tokenizer_config.json, as the tokenizers library would have them. Byte-level BPE
 * ("gpt2") and SentencePiece ("llama"). Source: llama.cpp's llama-vocab.cpp; transformers' LlamaConverter.
 */
import type { GgufMetadata } from './metadata.ts'
import { mergesOf } from './merges.ts'

export interface GgufTokenizer {
  tokenizerJson: Record<string, unknown>
  tokenizerConfig: Record<string, unknown>
}

/** Kinds of tokens, tokenizer.ggml.token_type. */
const kinds = { unknown: 2, control: 3, userDefined: 4, byte: 6 }

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
const wordsAndLines = String.raw`|[^\r\n\p{L}\p{N}]?\p{L}+|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
const splitting = (digits: string) => contractions + wordsAndLines.replace('DIGITS', digits)

const byteLevel = (useRegex: boolean) => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: useRegex,
})
const split = (regex: string) => ({
  type: 'Sequence',
  pretokenizers: [{ type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false }, byteLevel(false)],
})

/** Pre-tokenizer patterns, by tokenizer.ggml.pre. */
const preTokenizers: Record<string, { pre: unknown; normalizer?: unknown }> = {
  default: { pre: byteLevel(true) },
  'gpt-2': { pre: byteLevel(true) },
  smollm: {
    pre: { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel(true)] },
  },
  'llama-bpe': { pre: split(splitting(String.raw`\p{N}{1,3}`)) },
  smaug: { pre: split(splitting(String.raw`\p{N}{1,3}`)) },
  qwen2: { pre: split(splitting(String.raw`\p{N}`)), normalizer: { type: 'NFC' } },
}

/** What tokenizer.ggml.pre calls the pre-tokenizer of a tokenizer.json; undefined when llama.cpp has no name for it that we know. */
export function preTokenizerName(pre: unknown): string | undefined {
  const parts = (value: unknown) => JSON.stringify(withoutDefaults(value))
  return Object.keys(preTokenizers).find((name) => name !== 'default' && parts(preTokenizers[name]!.pre) === parts(pre))
}

/** Normalises: drops fields that equal their defaults, and ignores the order of fields. */
function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults)
  if (typeof value !== 'object' || value === null) return value
  // Older files leave out use_regex, which is true then.
  const complete = (value as { type?: unknown }).type === 'ByteLevel' ? { use_regex: true, ...value } : value
  const entries = Object.entries(complete).filter(([key]) => key !== 'trim_offsets' && key !== 'invert')
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, withoutDefaults(inner)]))
}

/**
 * undefined when the file has no tokenizer.
 * @throws ConfigError for a kind of tokenizer that is not supported, naming the key.
 */
export function tokenizerOf(meta: GgufMetadata): GgufTokenizer | undefined {
  const model = meta.optionalText('tokenizer.ggml.model')
  if (model === undefined || model === 'none' || model === 'no_vocab') return undefined
  const tokens = meta.texts('tokenizer.ggml.tokens')
  const types = meta.optionalNumbers('tokenizer.ggml.token_type') ?? []
  if (types.length !== 0 && types.length !== tokens.length)
    meta.refuse('tokenizer.ggml.token_type', `${types.length} kinds for ${tokens.length} tokens`)
  const added = tokens.flatMap((content, id) => {
    const isSpecial = types[id] === kinds.control || types[id] === kinds.unknown
    if (content === '' || (!isSpecial && types[id] !== kinds.userDefined)) return []
    return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: isSpecial }]
  })
  const parts = model === 'gpt2' ? byteLevelBpe(meta, tokens) : model === 'llama' ? sentencePiece(meta, tokens, types) : undefined
  if (!parts) return meta.refuse('tokenizer.ggml.model', `expected gpt2 or llama, found ${JSON.stringify(model)}`)
  const tokenizerJson = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    ...parts,
    post_processor: null,
  }
  return { tokenizerJson, tokenizerConfig: configOf(meta, tokens) }
}

/** The text of a token that metadata names by its id. */
function tokenOf(meta: GgufMetadata, tokens: readonly string[], name: string): string | undefined {
  const id = meta.optionalNumber(`tokenizer.ggml.${name}_token_id`)
  return id === undefined ? undefined : tokens[id]
}

function configOf(meta: GgufMetadata, tokens: readonly string[]): Record<string, unknown> {
  const texts = { bos_token: 'bos', eos_token: 'eos', unk_token: 'unknown', pad_token: 'padding' }
  const named = Object.entries(texts).flatMap(([key, name]) => {
    const text = tokenOf(meta, tokens, name)
    return text === undefined ? [] : [[key, text]]
  })
  return {
    ...Object.fromEntries(named),
    add_bos_token: meta.optionalFlag('tokenizer.ggml.add_bos_token') ?? false,
    add_eos_token: meta.optionalFlag('tokenizer.ggml.add_eos_token') ?? false,
  }
}

function byteLevelBpe(meta: GgufMetadata, tokens: readonly string[]): Record<string, unknown> {
  const name = meta.optionalText('tokenizer.ggml.pre') ?? 'default'
  const kind = Object.hasOwn(preTokenizers, name) ? preTokenizers[name] : undefined
  if (!kind)
    return meta.refuse(
      'tokenizer.ggml.pre',
      `expected one of ${Object.keys(preTokenizers).join(', ')}, found ${JSON.stringify(name)}`,
    )
  return {
    normalizer: kind.normalizer ?? null,
    pre_tokenizer: kind.pre,
    decoder: byteLevel(true),
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: name === 'llama-bpe',
      vocab: vocabOf(tokens),
      merges: meta.texts('tokenizer.ggml.merges'),
    },
  }
}

function sentencePiece(meta: GgufMetadata, tokens: readonly string[], types: readonly number[]): Record<string, unknown> {
  const scores = meta.optionalNumbers('tokenizer.ggml.scores')
  if (scores?.length !== tokens.length)
    return meta.refuse('tokenizer.ggml.scores', `${scores?.length ?? 'no'} scores for ${tokens.length} tokens`)
  const addsSpace = meta.optionalFlag('tokenizer.ggml.add_space_prefix') ?? true
  const normalizers = [
    ...(addsSpace ? [{ type: 'Prepend', prepend: '▁' }] : []),
    { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
  ]
  const isPiece = (id: number) => types[id] === undefined || types[id] === 1 || types[id] === kinds.userDefined
  return {
    normalizer: { type: 'Sequence', normalizers },
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(addsSpace ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: tokenOf(meta, tokens, 'unknown') ?? '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: types.includes(kinds.byte),
      ignore_merges: false,
      vocab: vocabOf(tokens),
      merges: mergesOf(tokens, scores, isPiece),
    },
  }
}

function vocabOf(tokens: readonly string[]): Record<string, number> {
  // A token may be called __proto__.
  return Object.fromEntries(tokens.map((token, id) => [token, id]))
}
