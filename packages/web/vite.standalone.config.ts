/**
 * `<casa-caption>` with everything it needs, for pages without a build step: a folder to serve beside the page. It is built from the sources
 * of all packages: one module, the worker, and the wasm files.
 */
import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  // Addresses relative to the module, wherever the folder is served.
  base: './',
  publicDir: false,
  logLevel: 'error',
  resolve: { conditions: ['@casa-js/source', 'browser', 'module', 'import', 'default'] },
  worker: { format: 'es' },
  build: {
    outDir: 'dist/standalone',
    emptyOutDir: true,
    target: 'es2022',
    chunkSizeWarningLimit: 3000,
    modulePreload: false,
    rolldownOptions: {
      input: `${import.meta.dirname}/src/casa-caption.ts`,
      output: { entryFileNames: 'casa-caption.js', assetFileNames: '[name]-[hash][extname]', chunkFileNames: '[name]-[hash].js' },
    },
  },
})
