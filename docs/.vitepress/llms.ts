/** llms.txt (llmstxt.org): the pages of the site as a list, for language models; llms-full.txt: all of them; and each page as Markdown. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DefaultTheme } from 'vitepress'
import { docs, linkTarget } from './links.ts'
import { readmePages } from './readmes.ts'

const head = `# casa-js

> Vision-language models in TypeScript: load one, ask it about pictures, caption live video, train one, adapt one, serve one. In Node and in
> the browser, on WebGPU, WebAssembly or plain JavaScript, with CASA (cross-attention via self-attention, arXiv 2512.19535), which keeps
> images out of the text's cache.
`

/** @param outDir the built site. @param sidebar its pages, in order */
export function writeLlmsTxt(outDir: string, sidebar: DefaultTheme.SidebarItem[]): void {
  const groups = sidebar.filter(({ text }) => text !== 'API')
  const index: string[] = [head]
  const full: string[] = [head]
  for (const { text, items = [] } of groups) {
    index.push(`## ${text}\n`)
    for (const { text: title, link } of items) {
      const markdown = markdownOf(link!)
      const file = `${link!.replace(/\/$/, '/index').slice(1)}.md`
      mkdirSync(dirname(join(outDir, file)), { recursive: true })
      writeFileSync(join(outDir, file), markdown)
      index.push(`- [${title}](/${file}): ${summaryOf(markdown)}`)
      full.push(markdown)
    }
    index.push('')
  }
  writeFileSync(join(outDir, 'llms.txt'), index.join('\n'))
  writeFileSync(join(outDir, 'llms-full.txt'), full.join('\n---\n\n'))
}

/** The page without its front matter and elements, links as addresses of the site. */
function markdownOf(link: string): string {
  const readme = readmePages.find(({ name }) => `/${name}` === link)
  if (readme) return readme.content()
  const file = [`pages${link}.md`, `${link}.md`, `${link}index.md`]
    .map((each) => join(docs, each))
    .find((each) => existsSync(each))!
  return readFileSync(file, 'utf8')
    .replace(/^---\n[\s\S]*?\n---\n/, '')
    .replaceAll(/^<(\w+-?\w+)[^>]*>.*<\/\1>\n*/gm, '')
    .replaceAll(/(?<=\]\()([^)\s]+\.md[^)\s]*)(?=\))/g, (href: string) => linkTarget(href, file))
}

/** The first sentence of the first paragraph that is text. */
function summaryOf(markdown: string): string {
  const paragraph = markdown.split(/\n\s*\n/).find((block) => /^[A-Za-z`*[]/.test(block.trim()) && !block.startsWith('```')) ?? ''
  const plain = paragraph
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return /^.*?\.(?= [A-Z`]|$)/.exec(plain)?.[0] ?? plain
}
