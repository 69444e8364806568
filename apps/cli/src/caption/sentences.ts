/** Whole sentences out of captions that come in pieces: what `--speak` says. */

/** A word that ends a sentence: with . ! ? or an ellipsis, perhaps behind a closing quote or bracket. */
const ending = /[.!?…]["'”’)\]]*$/

export interface SentenceStream {
  /** @returns the sentences that are whole with this text. */
  push(text: string): string[]
  /** @returns what is left, or undefined. */
  end(): string | undefined
}

export function createSentenceStream(): SentenceStream {
  let words: string[] = []
  /** A word that may go on in the next piece. */
  let open = ''
  return {
    push(text) {
      const sentences: string[] = []
      const parts = (open + text).split(/\s+/)
      open = parts.pop() ?? ''
      for (const word of parts) {
        if (word === '') continue
        words.push(word)
        if (!ending.test(word)) continue
        sentences.push(words.join(' '))
        words = []
      }
      // A piece that ends with a full stop ends the sentence: no more of it comes with this frame.
      if (ending.test(open)) {
        sentences.push([...words, open].join(' '))
        words = []
        open = ''
      }
      return sentences
    },
    end() {
      const rest = [...words, open].join(' ').trim()
      words = []
      open = ''
      return rest === '' ? undefined : rest
    },
  }
}
