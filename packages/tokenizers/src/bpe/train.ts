/**
 * A small byte-level BPE trainer: texts -> the object that tokenizer.json holds (Sennrich et al. 2016, arXiv 1508.07909, on
 * bytes as in GPT-2).
 *
 * Merges equal those of the Rust library's BpeTrainer: the most frequent pair first, then the one with the smaller ids. Words
 * are what the tokenizer's own pre-tokenizer makes of the texts, so training and use cannot disagree about them.
 */
import { Tokenizer as Pipeline } from '@huggingface/tokenizers'
import { TokenizerError } from '@casa-js/base'
import type { TokenizerJson } from '../tokenizer-json.ts'
import { createMerger } from './merger.ts'

/** Qwen2.5's pre-tokenizer: letters with one preceding symbol, single digits, symbols, white space. Oniguruma syntax. */
const WORDS =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/** Size of the tokenizer, and the tokens it must contain. */
export interface TrainBpeOptions {
  /** Size of the vocabulary: special tokens, 256 bytes, and merges. Smaller when the texts have no more pairs to merge. */
  vocabSize: number
  /** They get the first ids, in this order. */
  specialTokens?: readonly string[]
  /** How often a pair must occur to become a token. Default 2. */
  minimumCount?: number
}

/**
 * A byte-level BPE tokenizer trained on texts: the object that tokenizer.json holds, for `parseTokenizer`. Deterministic: the same texts in any order give the same tokenizer. No normaliser: any text comes back as it was.
 *
 * @throws TokenizerError when the vocabulary cannot hold the special tokens and the 256 bytes
 */
export function trainBpe(texts: Iterable<string>, options: TrainBpeOptions): TokenizerJson {
  const { vocabSize, specialTokens = [], minimumCount = 2 } = options
  const smallest = specialTokens.length + 256
  if (!Number.isInteger(vocabSize) || vocabSize < smallest) {
    throw new TokenizerError(`trainBpe: vocabSize: expected a whole number of at least ${smallest}, got ${vocabSize}`)
  }
  if (new Set(specialTokens).size !== specialTokens.length || specialTokens.some((token) => token.length < 2)) {
    throw new TokenizerError('trainBpe: specialTokens: expected different texts of two characters or more')
  }

  const empty = describe([], new Map(), [])
  const split = new Pipeline(empty, {}).pre_tokenizer!
  const counts = new Map<string, number>()
  for (const text of texts) {
    for (const word of text === '' ? [] : split(text)) counts.set(word, (counts.get(word) ?? 0) + 1)
  }

  const vocab = new Map([...specialTokens, ...byteLetters()].map((token, id) => [token, id]))
  const merger = createMerger(counts, vocab)
  const merges: [string, string][] = []
  while (vocab.size < vocabSize) {
    const merge = merger.mergeMostFrequent(minimumCount)
    if (merge === undefined) break
    merges.push(merge)
  }
  return describe(specialTokens, vocab, merges)
}

/** The 256 letters that stand for bytes in code point order, as in GPT-2: printable Latin-1, and U+0100 on for the others. */
function byteLetters(): string[] {
  const printable = (point: number): boolean => (point > 32 && point < 127) || (point > 160 && point < 256 && point !== 173)
  const letters = Array.from({ length: 256 }, (_, byte) => byte).filter(printable)
  for (let point = 256; letters.length < 256; point++) letters.push(point)
  return letters.map((point) => String.fromCodePoint(point))
}

function describe(specialTokens: readonly string[], vocab: Map<string, number>, merges: [string, string][]): TokenizerJson {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [{ type: 'Split', pattern: { Regex: WORDS }, behavior: 'Isolated', invert: false }, byteLevel],
    },
    post_processor: byteLevel,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges,
    },
  }
}
