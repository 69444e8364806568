/** Assembles whole sentences from partial captions, for `--speak`. */

/** A word that ends a sentence: with . ! ? or an ellipsis, perhaps behind a closing quote or bracket. */
const ending = /[.!?…]["'”’)\]]*$/

export interface SentenceStream {
  /** @returns the sentences completed by this text. */
  push(text: string): string[]
  /** @returns what is left, or undefined. */
  end(): string | undefined
}

export function createSentenceStream(): SentenceStream {
  let words: string[] = []
  /** A word that may continue in the next piece. */
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
      // A full stop at the end of a piece ends the sentence: nothing more follows in this frame.
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
