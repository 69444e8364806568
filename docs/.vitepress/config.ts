/** The docs site: every Markdown file under docs, examples that run in the page, the API from the sources. */
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig, type DefaultTheme } from 'vitepress'
import { liveExamples } from './live-examples.ts'
import { servedFiles } from './served-files.ts'

const docs = fileURLToPath(new URL('..', import.meta.url))
const root = resolve(docs, '..')
const repository = 'https://github.com/casa-js/casa-js'

const page = (text: string, link: string): DefaultTheme.SidebarItem => ({ text, link })

/** One entry per package, where `typedoc` has run. */
function apiPages(): DefaultTheme.SidebarItem[] {
  const folder = join(docs, 'api')
  if (!existsSync(folder)) return []
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.md') && file !== 'index.md',
  )
  return files
    .map((file) => file.slice(0, -3).replaceAll('\\', '/'))
    .sort()
    .map((name) => page(name, `/api/${name}`))
}

/** Links between pages by their address on the site; links to other files lead to the repository. */
function linkTarget(href: string, file: string): string {
  if (/^[a-z]+:|^[#/]/i.test(href)) return href
  const [path = '', hash] = href.split('#')
  const target = resolve(dirname(file), path)
  // Pages have addresses of their own; other files are the repository's.
  if (!target.startsWith(docs) || !/\.md$|\/$/.test(path)) return `${repository}/blob/main/${relative(root, target)}`
  return `/${relative(docs, target).replace(/^pages\//, '')}${hash ? `#${hash}` : ''}`
}

/** The file that is rendered, before rewrites. */
const sourceOf = (env: { realPath?: string; path: string }): string => env.realPath ?? env.path

export default defineConfig({
  title: 'casa-js',
  description: 'Vision-language models in TypeScript, in Node and in the browser.',
  base: process.env.DOCS_BASE ?? '/',
  srcDir: '.',
  srcExclude: ['goldens/**', 'tests/**', '.cache/**'],
  outDir: '.cache/site',
  cacheDir: '.cache/vitepress',
  rewrites: { 'pages/:page': ':page' },
  cleanUrls: true,
  lastUpdated: false,
  // The demo is built beside the site, after it.
  ignoreDeadLinks: [/^\/demo\//, /\/demo\/index$/],
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  markdown: {
    config(md) {
      md.core.ruler.push('repository-links', (state) => {
        for (const token of state.tokens.flatMap(({ children }) => children ?? [])) {
          const href = token.type === 'link_open' ? token.attrGet('href') : null
          if (href) token.attrSet('href', linkTarget(href, sourceOf(state.env)))
        }
      })
      md.use(liveExamples)
    },
  },
  vue: { template: { compilerOptions: { isCustomElement: (tag) => tag.startsWith('casa-') } } },
  vite: {
    resolve: { conditions: ['@casa-js/source', 'browser', 'module', 'import', 'default'] },
    ssr: { noExternal: [/^@casa-js\//, 'casa-js'] },
    worker: { format: 'es' },
    build: { target: 'es2022', chunkSizeWarningLimit: 4000 },
    esbuild: { target: 'es2022' },
    optimizeDeps: { esbuildOptions: { target: 'es2022' } },
    plugins: [servedFiles()],
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    socialLinks: [{ icon: 'github', link: repository }],
    nav: [
      { text: 'Guide', link: '/start' },
      { text: 'API', link: '/api/' },
      { text: 'Benchmarks', link: '/benchmarks' },
      { text: 'Demo', link: '/demo/', target: '_self' },
    ],
    sidebar: [
      {
        text: 'Guide',
        items: [
          page('Start', '/start'),
          page('Concepts', '/concepts'),
          page('Ask and converse', '/asking'),
          page('Live video', '/streaming'),
          page('In the browser', '/browser'),
          page('Serve', '/serving'),
          page('Train', '/training'),
          page('Data at scale', '/data-at-scale'),
          page('Weights and quantisation', '/weights'),
          page('Packages', '/packages'),
          page('Troubleshooting', '/troubleshooting'),
          page('Other libraries', '/comparison'),
        ],
      },
      {
        text: 'Contribute',
        items: [
          page('Contributing', '/contributing'),
          page('A backbone', '/contributing-a-backbone'),
          ...(existsSync(join(docs, 'contributing-a-fusion.md')) ? [page('A fusion', '/contributing-a-fusion')] : []),
        ],
      },
      {
        text: 'Inside',
        items: [
          page('WebGPU', '/webgpu'),
          page('WebGPU, in depth', '/webgpu-in-depth'),
          page('Scaling', '/scaling'),
          page('Benchmarks', '/benchmarks'),
          ...(existsSync(join(docs, 'reliability.md')) ? [page('Reliability', '/reliability')] : []),
        ],
      },
      { text: 'API', collapsed: true, items: apiPages() },
    ],
  },
})
