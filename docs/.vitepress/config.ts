/** The docs site: every Markdown file under docs, examples that run in the page, the API from the sources. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig, type DefaultTheme } from 'vitepress'
import { docs, linkTarget, repository } from './links.ts'
import { liveExamples } from './live-examples.ts'
import { writeLlmsTxt } from './llms.ts'
import { readmePages } from './readmes.ts'
import { servedFiles } from './served-files.ts'
import { wholeNumbers } from './whole-numbers.ts'

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

/** The file that is rendered, before rewrites. */
const sourceOf = (env: { realPath?: string; path: string }): string => env.realPath ?? env.path

/** Pages that others of the repository write, where they are there. */
const optional = (text: string, link: string): DefaultTheme.SidebarItem[] =>
  [`${link}.md`, `${link}index.md`].some((file) => existsSync(join(docs, file))) ? [page(text, link)] : []

const readmes = (kind: 'package' | 'model') =>
  readmePages.filter(({ name }) => name.startsWith(`${kind}-`)).map(({ name, title }) => page(title, `/${name}`))

const sidebar = [
  {
    text: 'Guide',
    items: [
      page('Start', '/start'),
      page('Concepts', '/concepts'),
      page('Ask and converse', '/asking'),
      page('Live video', '/streaming'),
      page('In the browser', '/browser'),
      page('Weights', '/weights'),
      page('Quantise', '/quantising'),
      page('Troubleshooting', '/troubleshooting'),
    ],
  },
  {
    text: 'Train',
    items: [
      page('Train', '/training'),
      page('Adapt a published model', '/adapting'),
      page('Data at scale', '/data-at-scale'),
      page('On several machines', '/several-machines'),
      page('Extend', '/extending'),
    ],
  },
  {
    text: 'Ship',
    items: [page('Serve', '/serving'), page('Vercel AI SDK', '/ai-sdk'), page('Deploy', '/deploying')],
  },
  { text: 'Models', items: readmes('model') },
  {
    text: 'Results',
    items: [
      page('Benchmarks', '/benchmarks'),
      page('The server under load', '/benchmarks/serve'),
      page('What a page loads', '/benchmarks/sizes'),
      ...optional('Language models', '/benchmarks/lm'),
      ...optional('On a GPU', '/benchmarks/gpu'),
      ...optional('Roofline', '/benchmarks/roofline'),
      ...optional('A stream of frames', '/benchmarks/streaming/streaming'),
      page('A study of fusions', '/study/'),
      page('Other libraries', '/comparison'),
      page('Reliability', '/reliability'),
    ],
  },
  {
    text: 'Inside',
    items: [
      page('WebGPU', '/webgpu'),
      page('WebGPU, in depth', '/webgpu-in-depth'),
      page('Planned passes', '/planned-passes'),
      page('Scaling', '/scaling'),
      page('What helped, what did not', '/benchmarks/log'),
    ],
  },
  {
    text: 'Contribute',
    items: [
      page('Contributing', '/contributing'),
      page('Releasing', '/releasing'),
      page('A backbone', '/contributing-a-backbone'),
      page('A fusion', '/contributing-a-fusion'),
    ],
  },
  { text: 'Packages', collapsed: true, items: [page('Which one', '/packages'), ...readmes('package')] },
  { text: 'API', collapsed: true, items: apiPages() },
]

/** A picture's token before the words that look at it. */
const icon =
  'data:image/svg+xml,' +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#15803d" d="M1 1h6v6H1zM1 9h6v6H1z"/><path fill="#2563eb" d="M9 9h6v6H9z"/></svg>',
  )

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
  buildEnd: ({ outDir }) => writeLlmsTxt(outDir, sidebar),
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: icon }]],
  markdown: {
    config(md) {
      md.core.ruler.push('repository-links', (state) => {
        for (const token of state.tokens.flatMap(({ children }) => children ?? [])) {
          const href = token.type === 'link_open' ? token.attrGet('href') : null
          if (href) token.attrSet('href', linkTarget(href, sourceOf(state.env)))
        }
      })
      md.use(liveExamples)
      md.use(wholeNumbers)
    },
  },
  vue: { template: { compilerOptions: { isCustomElement: (tag) => tag.startsWith('casa-') } } },
  vite: {
    resolve: { conditions: ['@casa-js/source', 'browser', 'module', 'import', 'default'] },
    ssr: { noExternal: [/^@casa-js\//, 'casa-js'] },
    // At the root, so that the paths of examples are relative to it: see src/example-worker.ts.
    worker: { format: 'es', rollupOptions: { output: { entryFileNames: 'worker-[name]-[hash].js' } } },
    build: { target: 'es2022', chunkSizeWarningLimit: 4000 },
    esbuild: { target: 'es2022' },
    optimizeDeps: { esbuildOptions: { target: 'es2022' } },
    plugins: [servedFiles()],
  },
  themeConfig: {
    search: { provider: 'local' },
    notFound: {
      title: 'There is no such page',
      quote: 'It may have moved: try the search above, or begin with the guide.',
      linkLabel: 'go to the first page',
      linkText: 'To the first page',
    },
    outline: [2, 3],
    socialLinks: [{ icon: 'github', link: repository }],
    nav: [
      { text: 'Guide', link: '/start' },
      { text: 'API', link: '/api/' },
      { text: 'Benchmarks', link: '/benchmarks' },
      { text: 'Demo', link: '/demo/', target: '_self' },
    ],
    sidebar,
  },
})
