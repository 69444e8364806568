/** Code blocks marked ```ts run become examples that the reader can run and edit in the page. */
import type { MarkdownRenderer } from 'vitepress'

export function liveExamples(md: MarkdownRenderer): void {
  const plain = md.renderer.rules.fence!
  md.renderer.rules.fence = (tokens, index, options, env, self) => {
    const token = tokens[index]!
    const isLive = token.info.trim() === 'ts run'
    if (isLive) token.info = 'ts'
    const html = plain(tokens, index, options, env, self)
    return isLive ? `<LiveExample code="${encodeURIComponent(token.content)}">${html}</LiveExample>` : html
  }
}
