/** The docs site, from the sources of the packages. */
import { marked } from 'marked'
import { readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { defineConfig, type Plugin } from 'vite'

const repository = 'https://github.com/casa-js/casa-js/blob/main/'
const root = resolve(import.meta.dirname, '..')

/** Links between pages stay in the site; links to other files of the repository go there. */
function target(href: string, file: string): string {
  if (/^[a-z]+:|^#/.test(href)) return href
  const path = resolve(dirname(file), href)
  return dirname(path) === join(import.meta.dirname, 'pages') ? `#/${basename(path, '.md')}` : repository + relative(root, path)
}

/** Drawings of pages travel in them. */
const inlined = (drawing: string): string => `data:image/svg+xml;base64,${readFileSync(drawing).toString('base64')}`

/** `import html from './page.md'` */
function markdown(): Plugin {
  return {
    name: 'markdown',
    transform(text, id) {
      if (!id.endsWith('.md')) return
      const tokens = marked.lexer(text)
      marked.walkTokens(tokens, (token) => {
        if (token.type === 'link') token.href = target(token.href, id)
        if (token.type === 'image') token.href = inlined(resolve(dirname(id), token.href))
        if (token.type === 'code' && token.lang) token.lang = token.lang.split(' ')[0]
      })
      return { code: `export default ${JSON.stringify(marked.parser(tokens))}`, map: null }
    },
  }
}

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  resolve: { conditions: ['@casa-js/source', 'browser', 'module', 'import', 'default'] },
  // tfjs and its backends are large; that is what the page is about.
  build: { chunkSizeWarningLimit: 3000, target: 'es2022' },
  plugins: [markdown()],
})
