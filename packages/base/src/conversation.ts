/** What a conversation is before and after a tokenizer: plain types that need no tensor. */

/** Decoded pixels: rgb, row-major, 3 bytes per pixel. */
export interface RgbImage {
  widthPx: number
  heightPx: number
  data: Uint8Array
}

/** A piece of text or an image within a message. */
export type ContentPart =
  | {
      type: 'text'
      text: string
      /** The template's first stop token follows the text, as live captions end each frame. The end of the turn needs no mark. */
      stop?: boolean
    }
  | {
      type: 'image'
      image: RgbImage
      /**
       * Only its marks are left, as in a caption stream whose window has moved on: it has no slot, and what an assistant says up to the next
       * image is not trained on.
       */
      unseen?: boolean
    }

/** One turn of a conversation. */
export interface Message {
  role: 'system' | 'user' | 'assistant'
  content: ContentPart[]
}

/** Text to token ids and back. */
export interface Tokenizer {
  /** V: the largest id, plus 1. */
  readonly vocabSize: number
  /** Special tokens written in the text are recognised; nothing is added around it. */
  encode(text: string): Int32Array
  decode(ids: ArrayLike<number>, options?: { skipSpecial?: boolean }): string
  /** Id of a token by its exact text, or undefined. */
  idOf(token: string): number | undefined
}

/** One conversation as token ids, with images standing between tokens. An image takes no token. */
export interface EncodedSample {
  ids: Int32Array
  /**
   * In order of appearance; `before` is the index of the token that the image stands before (0..ids.length), `from` that of the
   * first token that marks it in front, where there is one.
   */
  images: { before: number; from?: number; image: RgbImage }[]
  /** 1 where the token belongs to an assistant's answer (its end-of-turn token included): only these are trained on. */
  answer: Uint8Array
}
