/** What this package adds to the plain types of @casa-js/base. */
import type { Tokenizer } from '@casa-js/base'

/** A special token, e.g. "<|im_end|>". */
export interface SpecialToken {
  readonly id: number
  /** Whether it strips the white space on its left (lstrip) or right (rstrip). */
  readonly lstrip: boolean
  readonly rstrip: boolean
  /** Matches only where no letter, digit or underscore is adjacent (single_word). */
  readonly singleWord: boolean
}

/** What `parseTokenizer` returns: a Tokenizer, and what chat templates need beyond it. */
export interface TextTokenizer extends Tokenizer {
  /** By exact text. */
  readonly specialTokens: ReadonlyMap<string, SpecialToken>
  /** Text of `bos_token` and `eos_token` of tokenizer_config.json. */
  readonly bosToken: string | undefined
  readonly eosToken: string | undefined
  /**
   * Encode text that is not trusted: special tokens written in it become ordinary text. Added tokens that the tokenizer does
   * not flag as special stay what they are, as in the Rust original's `encode_special_tokens`.
   */
  encodePlain(text: string): Int32Array
  /**
   * Encode consecutive parts: a string as `encodePlain` does, a number as that token. Strings are not merged with their
   * neighbours; only the very first part counts as the start of the text.
   *
   * @returns ids [T], and `starts` [parts + 1]: part p became ids[starts[p] .. starts[p + 1]).
   */
  encodeParts(parts: readonly (string | number)[]): { ids: Int32Array; starts: Int32Array }
}
