/**
 * Adapter over @huggingface/tokenizers: tokenizer.json -> TextTokenizer.
 *
 * Unusual here: untrusted text must not be able to write "<|im_end|>". The library always recognises added tokens, so a second
 * pipeline shares its model but knows no special token, only one private mark: a Unicode noncharacter that stands where
 * trusted tokens go.
 */
import { Tokenizer as Pipeline } from '@huggingface/tokenizers'
import { TokenizerError } from '@casa-js/base'
import { singleWordCutter } from './added-tokens.ts'
import { mendByteFallback } from './byte-fallback.ts'
import { checkTokenizerJson, tokenText, type AddedTokenJson, type TokenizerConfig, type TokenizerJson } from './tokenizer-json.ts'
import type { SpecialToken, TextTokenizer } from './types.ts'

const MARK = '\uFDD0'
const MARK_ID = -1

/**
 * A tokenizer from the files of a model folder.
 * @param json the parsed tokenizer.json
 * @param config the parsed tokenizer_config.json, where there is one: it names the bos and eos tokens
 * @throws TokenizerError naming the field when the file is not a tokenizer.json or uses a part that is not supported
 */
export function parseTokenizer(json: unknown, config: TokenizerConfig = {}): TextTokenizer {
  const file = checkTokenizerJson(json)
  const added = file.added_tokens
  const full = createPipeline(file, config)
  mendByteFallback(full.decoder)
  /** Shares the model, and recognises some of the added tokens, and the mark. */
  const pipelineOf = (tokens: AddedTokenJson[]): Pipeline => {
    const pipeline = createPipeline(
      {
        ...file,
        model: { type: 'BPE', vocab: {}, merges: [] },
        added_tokens: [...tokens.filter((token) => !token.single_word), { id: MARK_ID, content: MARK, normalized: false }],
        post_processor: null,
      },
      config,
    )
    pipeline.model = full.model
    return pipeline
  }
  const ordinary = added.filter((token) => !token.special)
  const plain = pipelineOf(ordinary)
  const cutAll = singleWordCutter(added)
  const cutOrdinary = singleWordCutter(ordinary)
  const trusting = cutAll && pipelineOf(added)

  const ids = full.get_vocab(true)
  let vocabSize = 0
  for (const id of ids.values()) vocabSize = Math.max(vocabSize, id + 1)
  const specialTokens = new Map<string, SpecialToken>()
  const specialIds = new Set<number>()
  for (const token of added) {
    if (!token.special) continue
    const { id, lstrip = false, rstrip = false, single_word: singleWord = false } = token
    specialTokens.set(token.content, { id, lstrip, rstrip, singleWord })
    specialIds.add(token.id)
  }

  /** Encodes strings with the pipeline and passes numbers through; only the first string counts as the start of the text. */
  function encodeMarked(pipeline: Pipeline, parts: readonly (string | number)[]): { ids: Int32Array; starts: Int32Array } {
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
    for (const id of text === '' ? [] : pipeline.encode(text, { add_special_tokens: false }).ids) {
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

  function encodeParts(parts: readonly (string | number)[]): { ids: Int32Array; starts: Int32Array } {
    if (!cutOrdinary) return encodeMarked(plain, parts)
    const cut: (string | number)[] = []
    const first = parts.map((part) => cut.push(...(typeof part === 'string' ? cutOrdinary(part) : [part])))
    const { ids, starts } = encodeMarked(plain, cut)
    return { ids, starts: Int32Array.from([0, ...first], (at) => starts[at]!) }
  }

  function encode(text: string): Int32Array {
    if (text === '') return new Int32Array(0)
    if (cutAll && trusting) return encodeMarked(trusting, cutAll(text)).ids
    return Int32Array.from(full.encode(text, { add_special_tokens: false }).ids)
  }

  return {
    vocabSize,
    specialTokens,
    bosToken: tokenText(config, 'bos_token'),
    eosToken: tokenText(config, 'eos_token'),
    encode,
    encodePlain: (text) => encodeParts([text]).ids,
    encodeParts,
    decode(list, options = {}) {
      // Padded embeddings have rows without a token: a model may sample such an id, which has no text.
      const known = Array.from(list).filter(
        (id) => full.id_to_token(id) !== undefined && !(options.skipSpecial && specialIds.has(id)),
      )
      return known.length === 0 ? '' : full.decode(known, { clean_up_tokenization_spaces: false })
    },
    idOf: (token) => ids.get(token),
  }
}

function createPipeline(file: TokenizerJson, config: TokenizerConfig): Pipeline {
  try {
    return new Pipeline(file, config)
  } catch (error) {
    throw new TokenizerError(`tokenizer.json: ${(error as Error).message}`, { cause: error })
  }
}
