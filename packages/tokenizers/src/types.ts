/**
 * The contracts of @casa-js/core that this package speaks, written out again because tokenizers need no tensor (law 4).
 * They are structurally equal to core's; a type test in @casa-js/eval, which sees both, keeps them so.
 */

/** Decoded pixels: rgb, row-major, 3 bytes a pixel. */
export interface RgbImage {
  widthPx: number
  heightPx: number
  data: Uint8Array
}

export type ContentPart = { type: 'text'; text: string } | { type: 'image'; image: RgbImage }

export interface Message {
  role: 'system' | 'user' | 'assistant'
  content: ContentPart[]
}

export interface Tokenizer {
  readonly vocabulary: number
  /** Special tokens written in the text are recognised; nothing is added around it. */
  encode(text: string): Int32Array
  decode(ids: ArrayLike<number>, options?: { skipSpecial?: boolean }): string
  /** Id of a token by its exact text, or undefined. */
  idOf(token: string): number | undefined
}

/** One conversation as token ids, with images standing between tokens. */
export interface EncodedSample {
  ids: Int32Array
  /** In order of appearance; `before` is the index of the token that the image stands before (0..ids.length). */
  images: { before: number; image: RgbImage }[]
  /** 1 where the token belongs to an assistant's answer (its end-of-turn token included): only these are trained on. */
  answer: Uint8Array
}

/** A token with a meaning of its own, e.g. "<|im_end|>". */
export interface SpecialToken {
  readonly id: number
  /** It swallows the white space on its left (lstrip) or right (rstrip), as some templates' tokens do. */
  readonly lstrip: boolean
  readonly rstrip: boolean
}

/** What `parseTokenizer` returns: core's Tokenizer, and what chat templates need beyond it. */
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
   * Encode parts in a row: a string as `encodePlain` does, a number as that token. Strings are not merged with their
   * neighbours; only the very first part counts as the start of the text.
   *
   * @returns ids [T], and `starts` [parts + 1]: part p became ids[starts[p] .. starts[p + 1]).
   */
  encodeParts(parts: readonly (string | number)[]): { ids: Int32Array; starts: Int32Array }
}
