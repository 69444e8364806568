/** The demo, from the sources of the packages. Shipped models, samples, clips and goldens are served beside it. */
import { createHash } from 'node:crypto'
import { cpSync, createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { defineConfig, type Plugin } from 'vite'

const cli = resolve(import.meta.dirname, '../cli')

const live = resolve(import.meta.dirname, '../../recipes/live')
const verify = resolve(import.meta.dirname, '../../packages/verify')

/** What is served beside the page: address -> folder. */
const shared: Record<string, string> = {
  'models/live': join(live, 'model'),
  'samples/live': join(live, 'samples'),
  'models/reader': join(cli, 'model'),
  samples: join(cli, 'samples'),
  goldens: join(verify, 'goldens'),
}

/** Models, sample pictures and goldens that the repository ships. */
function shippedFiles(): Plugin {
  let outDir = ''
  return {
    name: 'shipped-files',
    configResolved(config) {
      outDir = resolve(config.root, config.build.outDir)
    },
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const path = decodeURIComponent(request.url?.split('?')[0] ?? '').replace(/^\//, '')
        for (const [address, folder] of Object.entries(shared)) {
          const file = path.startsWith(`${address}/`) ? join(folder, path.slice(address.length + 1)) : ''
          if (file.startsWith(folder) && existsSync(file) && file !== folder) return void createReadStream(file).pipe(response)
        }
        if (/^(models|samples|goldens)\//.test(path)) return void response.writeHead(404).end()
        next()
      })
    },
    closeBundle() {
      for (const [address, folder] of Object.entries(shared)) {
        if (existsSync(folder)) cpSync(folder, join(outDir, address), { recursive: true })
      }
    },
  }
}

/** Weights and clips are large: the page keeps the first in its private file system, and asks for the second only when they are played. */
const tooLarge = /\.(safetensors|mp4|md)$/

/** Puts the list of what works offline, with a hash of each file's content, into the service worker. */
function precache(): Plugin {
  const hash = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex').slice(0, 16)
  return {
    name: 'precache',
    // After Vite's own plugins: index.html is written by one of them.
    enforce: 'post',
    generateBundle(_, bundle) {
      const entries: { url: string; revision: string }[] = []
      for (const [url, file] of Object.entries(bundle)) {
        const content = file.type === 'chunk' ? file.code : file.source
        if (url !== serviceWorker) entries.push({ url, revision: hash(content) })
      }
      for (const [address, folder] of Object.entries(shared)) {
        if (!existsSync(folder)) continue
        for (const file of readdirSync(folder, { withFileTypes: true }))
          if (file.isFile() && !tooLarge.test(file.name))
            entries.push({ url: `${address}/${file.name}`, revision: hash(readFileSync(join(folder, file.name))) })
      }
      const worker = bundle[serviceWorker]
      if (worker?.type === 'chunk') worker.code = `self.__PRECACHE__ = ${JSON.stringify(entries)}\n${worker.code}`
    },
  }
}

const serviceWorker = 'service-worker.js'

/** Cross-origin isolation, so that threads can share memory. A static host sets the same two headers. */
const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }

const { version } = JSON.parse(readFileSync(resolve(import.meta.dirname, '../../packages/web/package.json'), 'utf8')) as {
  version: string
}

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  resolve: { conditions: ['@casa-js/source', 'browser', 'module', 'import', 'default'] },
  worker: { format: 'es' },
  server: { headers },
  preview: { headers },
  define: { __MODELS__: JSON.stringify(['reader', 'live']), __VERSION__: JSON.stringify(version) },
  // The engine is large; that is what the page is about.
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 3000,
    rolldownOptions: {
      input: {
        main: join(import.meta.dirname, 'index.html'),
        worker: join(import.meta.dirname, 'src/offline/service-worker.ts'),
      },
      // At the root, because a service worker controls what lies below it.
      output: { entryFileNames: ({ name }) => (name === 'worker' ? serviceWorker : 'assets/[name]-[hash].js') },
    },
  },
  plugins: [shippedFiles(), precache()],
})
