/**
 * Incremental decoding: ids in, text out, without partial characters or repeated text.
 *
 * A token's text may depend on the one before it (SentencePiece drops the first space of a text; a character's bytes span
 * several tokens). So a short window is decoded: tokens whose text was already returned, then the new ones; the new text is the
 * difference. Text that ends in U+FFFD may be half a character: it waits for the next token, or for `end`.
 */
import type { Tokenizer } from '@casa-js/base'

/** An incremental decoder. */
export interface TextStream {
  /** Take one more id; return the text that became certain, often ''. */
  push(id: number): string
  /** Return the remaining text, with U+FFFD for incomplete characters, and reset. */
  end(): string
}

/**
 * A stream over a tokenizer, for ids as a model samples them. All pieces joined equal `tokenizer.decode(ids, { skipSpecial })`. One exception: a run of byte tokens that stops being UTF-8 after a
 * whole character of it was said; decode then gives U+FFFD for that character too.
 *
 * @param options.skipSpecial leave special tokens out of the text; default true
 */
export function createTextStream(tokenizer: Tokenizer, options: { skipSpecial?: boolean } = {}): TextStream {
  const { skipSpecial = true } = options
  let window: number[] = []
  /** Ids of the window whose text was already returned, and that text. */
  let out = 0
  let outText = ''

  return {
    push(id) {
      // A token without text must not become the window's start, or the next one would look like the start of the text.
      if (tokenizer.decode([id], { skipSpecial }) === '') {
        if (skipSpecial && tokenizer.decode([id]) !== '') return ''
      }
      window.push(id)
      const text = tokenizer.decode(window, { skipSpecial })
      if (text.endsWith('\uFFFD') || text.length <= outText.length) return ''
      const fresh = text.slice(outText.length)
      window = window.slice(out)
      out = window.length
      outText = tokenizer.decode(window, { skipSpecial })
      return fresh
    },
    end() {
      const fresh = tokenizer.decode(window, { skipSpecial }).slice(outText.length)
      window = []
      out = 0
      outText = ''
      return fresh
    },
  }
}
