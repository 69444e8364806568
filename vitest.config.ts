import { defineConfig } from 'vitest/config'
import { findBrowser } from './scripts/browser.mjs'

// Tests run on the TypeScript sources of every package, through the export condition '@casa-js/source'.
const conditions = ['@casa-js/source']

/** Before Node 22 tests run on the wasm build without relaxed SIMD; the operators' run on both. */
const hasPlainSimd = Number(process.versions.node.split('.')[0]) < 22

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          include: ['{packages,apps,recipes,docs,examples,bench}/**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/dist/**', '**/.cache/**'],
          // The wasm kernels are compiled, not committed.
          globalSetup: ['packages/tensor/scripts/build-kernels.mjs'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          pool: 'forks',
          // Or the commands' output would be coloured where CI is set, and tests read it.
          // One thread, unless a test asks for more: test files run side by side already.
          env: { NO_COLOR: '1', CASA_THREADS: '1' },
        },
      },
      {
        extends: true,
        test: {
          name: 'threads',
          include: ['packages/tensor/src/ops/*/*.test.ts'],
          globalSetup: ['packages/tensor/scripts/build-kernels.mjs'],
          setupFiles: ['packages/tensor/src/testing/threads.ts'],
          env: { CASA_DEVICES: 'wasm' },
          testTimeout: 60_000,
          pool: 'forks',
        },
      },
      ...(hasPlainSimd
        ? [
            {
              extends: true as const,
              test: {
                name: 'relaxed',
                include: ['packages/tensor/src/ops/*/*.test.ts'],
                globalSetup: ['packages/tensor/scripts/build-kernels.mjs'],
                setupFiles: ['packages/tensor/src/testing/relaxed.ts'],
                env: { CASA_DEVICES: 'wasm' },
                testTimeout: 60_000,
                pool: 'forks' as const,
              },
            },
          ]
        : []),
      ...(findBrowser() ? ['packages/tensor/vitest.browser.config.ts'] : []),
    ],
  },
})
