/** Short cells of numbers, which Markdown aligns to the right, stay on one line: a narrow table scrolls instead. */
import type { MarkdownRenderer } from 'vitepress'

/** A longer cell is words. */
const mostCharacters = 24

export function wholeNumbers(md: MarkdownRenderer): void {
  md.core.ruler.push('whole-numbers', (state) => {
    state.tokens.forEach((token, i) => {
      const isNumber = token.type === 'td_open' && token.attrGet('style')?.includes('right')
      const inline = isNumber ? state.tokens[i + 1] : undefined
      if (!inline || inline.content.length > mostCharacters) return
      for (const text of inline.children ?? []) text.content = text.content.replaceAll(' ', '\u00a0')
    })
  })
}
