import { defineConfig } from 'vitest/config'
import { findBrowser } from './scripts/browser.mjs'

// Tests run on the TypeScript sources of every package, through the export condition '@casa-js/source'.
const conditions = ['@casa-js/source']

const nodeVersion = Number(process.versions.node.split('.')[0])

/**
 * Other builds of the wasm kernels, on which the operators' tests run too. Before Node 22 all tests are on the build without relaxed SIMD;
 * from Node 24 on there is one for vectors of 256 bits.
 */
const builds = [...(nodeVersion < 22 ? ['relaxed'] : []), ...(nodeVersion >= 24 && process.arch === 'x64' ? ['wide'] : [])]

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
      ...builds.map((name) => ({
        extends: true as const,
        test: {
          name,
          include: ['packages/tensor/src/ops/*/*.test.ts'],
          globalSetup: ['packages/tensor/scripts/build-kernels.mjs'],
          setupFiles: [`packages/tensor/src/testing/${name}.ts`],
          // V8 widens vectors in its second compiler only.
          execArgv: name === 'wide' ? ['--no-liftoff'] : [],
          env: { CASA_DEVICES: 'wasm' },
          testTimeout: 60_000,
          pool: 'forks' as const,
        },
      })),
      ...(findBrowser() ? ['packages/tensor/vitest.browser.config.ts'] : []),
    ],
  },
})
