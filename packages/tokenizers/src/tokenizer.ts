/**
 * Adapter over @huggingface/tokenizers: tokenizer.json -> TextTokenizer.
 *
 * Unusual here: untrusted text must not be able to write "<|im_end|>". The library always recognises added tokens, so a second
 * pipeline shares its model but knows no special token, only one private mark: a Unicode noncharacter that stands where
 * trusted tokens go.
 */
import { Tokenizer as Pipeline } from '@huggingface/tokenizers'
import { TokenizerError } from '@casa-js/base'
import type { SpecialToken, TextTokenizer } from './types.ts'

/** A parsed tokenizer.json; only the fields read here are named. */
export interface TokenizerJson {
  added_tokens?: { id: number; content: string; special?: boolean; normalized?: boolean; lstrip?: boolean; rstrip?: boolean }[]
  model: { type?: string; [field: string]: unknown }
  [field: string]: unknown
}

/** A parsed tokenizer_config.json. */
export interface TokenizerConfig {
  bos_token?: string | { content: string } | null
  eos_token?: string | { content: string } | null
  chat_template?: string | { name: string; template: string }[] | null
  [field: string]: unknown
}

const MARK = '\uFDD0'
const MARK_ID = -1

/**
 * @param json the parsed tokenizer.json
 * @param config the parsed tokenizer_config.json, where there is one: it names the bos and eos tokens
 * @throws TokenizerError when the file is not a tokenizer.json or uses a part that is not supported
 */
export function parseTokenizer(json: unknown, config: TokenizerConfig = {}): TextTokenizer {
  const file = checkTokenizerJson(json)
  const added = file.added_tokens ?? []
  const full = createPipeline({ ...file, added_tokens: added }, config)
  const plain = createPipeline(
    {
      ...file,
      model: { type: 'BPE', vocab: {}, merges: [] },
      added_tokens: [...added.filter((token) => !token.special), { id: MARK_ID, content: MARK, normalized: false }],
      post_processor: null,
    },
    config,
  )
  plain.model = full.model

  const ids = full.get_vocab(true)
  let vocabSize = 0
  for (const id of ids.values()) vocabSize = Math.max(vocabSize, id + 1)
  const specialTokens = new Map<string, SpecialToken>()
  const specialIds = new Set<number>()
  for (const token of added) {
    if (!token.special) continue
    specialTokens.set(token.content, { id: token.id, lstrip: token.lstrip === true, rstrip: token.rstrip === true })
    specialIds.add(token.id)
  }

  function encodeParts(parts: readonly (string | number)[]): { ids: Int32Array; starts: Int32Array } {
    const text = parts.map((part) => (typeof part === 'number' ? '' : part.replaceAll(MARK, '\uFFFD'))).join(MARK)
    const starts = new Int32Array(parts.length + 1)
    const out: number[] = []
    let part = 0
    const enter = (): void => {
      starts[part] = out.length
      const value = parts[part]
      if (typeof value === 'number') out.push(value)
    }
    if (parts.length > 0) enter()
    for (const id of text === '' ? [] : plain.encode(text, { add_special_tokens: false }).ids) {
      if (id === MARK_ID) {
        part++
        enter()
      } else {
        out.push(id)
      }
    }
    starts[parts.length] = out.length
    return { ids: Int32Array.from(out), starts }
  }

  return {
    vocabSize,
    specialTokens,
    bosToken: tokenText(config.bos_token),
    eosToken: tokenText(config.eos_token),
    encode: (text) => Int32Array.from(text === '' ? [] : full.encode(text, { add_special_tokens: false }).ids),
    encodePlain: (text) => encodeParts([text]).ids,
    encodeParts,
    decode(list, options = {}) {
      // Padded embeddings have rows without a token: a model may sample one, and it has no text.
      const known = Array.from(list).filter(
        (id) => full.id_to_token(id) !== undefined && !(options.skipSpecial && specialIds.has(id)),
      )
      return known.length === 0 ? '' : full.decode(known, { clean_up_tokenization_spaces: false })
    },
    idOf: (token) => ids.get(token),
  }
}

function checkTokenizerJson(json: unknown): TokenizerJson {
  const file = json as TokenizerJson | null
  if (typeof file !== 'object' || file === null || typeof file.model !== 'object' || file.model === null) {
    throw new TokenizerError('tokenizer.json: expected an object with a "model"; is this a Hugging Face tokenizer.json?')
  }
  const { type, vocab } = file.model
  if (!['BPE', 'Unigram', 'WordPiece'].includes(type as string) || typeof vocab !== 'object' || vocab === null) {
    throw new TokenizerError(
      `tokenizer.json: model: expected a "vocab" and type BPE, Unigram or WordPiece, got type ${JSON.stringify(type)}`,
    )
  }
  for (const [index, token] of (file.added_tokens ?? []).entries()) {
    if (typeof token?.content !== 'string' || token.content === '' || !Number.isInteger(token.id) || token.id < 0) {
      throw new TokenizerError(`tokenizer.json: added_tokens[${index}]: expected { id: a natural number, content: text }`)
    }
  }
  const nullable = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null }
  return { ...nullable, ...file }
}

function createPipeline(file: TokenizerJson, config: TokenizerConfig): Pipeline {
  try {
    return new Pipeline(file, config)
  } catch (error) {
    throw new TokenizerError(`tokenizer.json: ${(error as Error).message}`, { cause: error })
  }
}

function tokenText(token: string | { content: string } | null | undefined): string | undefined {
  return typeof token === 'string' ? token : token?.content
}
