/**
 * The client and `<casa-caption>` with everything they need, for pages without a build step: a folder to serve beside the page, or to load
 * from a CDN. It is built from the sources of all packages: two modules, the worker, and the wasm files.
 * With a bundler pages start the worker of this build too: see src/standalone/worker.js.
 */
import { defineConfig, type Plugin } from 'vite'

const file = (name: string) => `${import.meta.dirname}/${name}`

/** In the standalone build the worker may lie on another origin. */
const standaloneWorker: Plugin = {
  name: 'standalone-worker',
  enforce: 'pre',
  resolveId: (id) => (id === './start-worker.ts' ? file('standalone/start-worker.ts') : undefined),
}

export default defineConfig({
  root: import.meta.dirname,
  // Addresses relative to the module, wherever the folder is served.
  base: './',
  publicDir: false,
  logLevel: 'error',
  resolve: { conditions: ['@casa-js/source', 'browser', 'module', 'import', 'default'] },
  plugins: [standaloneWorker],
  worker: {
    format: 'es',
    rolldownOptions: {
      output: {
        entryFileNames: 'worker.js',
        // No chunk may import the worker's own module: under another address (development servers add a query) it would run twice.
        codeSplitting: { groups: [{ name: 'host', test: /src\/host\.ts$/ }] },
      },
    },
  },
  build: {
    outDir: 'dist/standalone',
    emptyOutDir: true,
    target: 'es2022',
    chunkSizeWarningLimit: 3000,
    modulePreload: false,
    rolldownOptions: {
      input: { 'casa-web': file('src/index.ts'), 'casa-caption': file('src/casa-caption.ts') },
      preserveEntrySignatures: 'exports-only',
      output: { entryFileNames: '[name].js', assetFileNames: '[name]-[hash][extname]', chunkFileNames: '[name]-[hash].js' },
    },
  },
})
