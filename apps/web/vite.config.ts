/** The demo, from the sources of the packages. Shipped models and samples and clips are served beside it. */
import { cpSync, createReadStream, existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { defineConfig, type Plugin } from 'vite'

const cli = resolve(import.meta.dirname, '../cli')

const live = resolve(import.meta.dirname, '../../recipes/live')

/** What is served beside the page: address -> folder. */
const shared: Record<string, string> = {
  'models/live': join(live, 'model'),
  'samples/live': join(live, 'samples'),
  'models/reader': join(cli, 'model'),
  samples: join(cli, 'samples'),
}

/** Models and sample pictures that the repository ships. */
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
        if (/^(models|samples)\//.test(path)) return void response.writeHead(404).end()
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

/** Cross-origin isolation, so that threads can share memory. A static host sets the same two headers. */
const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  resolve: { conditions: ['@casa-js/source', 'browser', 'module', 'import', 'default'] },
  worker: { format: 'es' },
  server: { headers },
  preview: { headers },
  define: { __MODELS__: JSON.stringify(['reader', 'live']) },
  // The engine is large; that is what the page is about.
  build: { target: 'es2022', chunkSizeWarningLimit: 3000 },
  plugins: [shippedFiles()],
})
