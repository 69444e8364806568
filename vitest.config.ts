import { defineConfig } from 'vitest/config'

// Tests run on the TypeScript sources of every package, through the export condition '@casa-js/source'.
const conditions = ['@casa-js/source']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['{packages,apps,docs,examples}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    // The wasm kernels are compiled, not committed.
    globalSetup: ['packages/tensor/scripts/build-kernels.mjs'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
  },
})
