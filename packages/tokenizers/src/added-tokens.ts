/**
 * Added tokens that match only as whole words (`single_word`), which @huggingface/tokenizers does not support. As in the Rust
 * original: such a token counts where neither neighbour is a word character, and is ordinary text elsewhere.
 */
import type { AddedTokenJson } from './tokenizer-json.ts'

/** A pattern that matches any of these texts, the longest first; undefined for an empty list. */
export function alternatives(texts: readonly string[]): RegExp | undefined {
  if (texts.length === 0) return undefined
  const longestFirst = [...texts].sort((a, b) => b.length - a.length)
  return new RegExp(longestFirst.map(escapePattern).join('|'), 'g')
}

/** Escapes a text for use in a regular expression. */
export function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

/** \w of the Rust crate `regex`. */
const wordEnd = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u
const wordStart = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u

/** Whether no word character stands right before `start` or right after `end`. */
export function standsAlone(text: string, start: number, end: number): boolean {
  // Two units hold any code point.
  return !wordEnd.test(text.slice(Math.max(0, start - 2), start)) && !wordStart.test(text.slice(end, end + 2))
}

/**
 * Splits text at tokens that match as single words: a list of texts and ids, with a text first and last. Undefined when no token
 * asks for it, which is the usual case.
 * @param tokens all that would be recognised in the text: of two that begin at the same place, the longer one counts
 */
export function singleWordCutter(tokens: readonly AddedTokenJson[]): ((text: string) => (string | number)[]) | undefined {
  if (!tokens.some((token) => token.single_word)) return undefined
  const byText = new Map(tokens.map((token) => [token.content, token]))
  const pattern = alternatives([...byText.keys()])!
  return (text) => {
    const parts: (string | number)[] = []
    let from = 0
    let swallowed = false
    for (const match of text.matchAll(pattern)) {
      const token = byText.get(match[0])!
      const end = match.index + match[0].length
      if (!token.single_word || !standsAlone(text, match.index, end)) continue
      const before = text.slice(from, match.index)
      const kept = swallowed ? before.trimStart() : before
      parts.push(token.lstrip ? kept.trimEnd() : kept, token.id)
      from = end
      swallowed = token.rstrip === true
    }
    const rest = text.slice(from)
    parts.push(swallowed ? rest.trimStart() : rest)
    return parts
  }
}
