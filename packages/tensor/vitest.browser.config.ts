/**
 * The tests of operators and plans in Chromium, on wasm and on WebGPU (SwiftShader where there is no GPU). Part of every test run where there
 * is a Chromium; alone: `vitest run --project chromium`.
 */
import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'
import { findBrowser } from '../../scripts/browser.mjs'

const conditions = ['@casa-js/source', 'browser', 'module', 'import', 'default']

export default defineConfig({
  root: import.meta.dirname,
  resolve: { conditions },
  // What src/testing/devices.ts asks for.
  define: {
    'process.env': JSON.stringify({
      CASA_DEVICES: process.env.CASA_DEVICES ?? 'wasm,webgpu',
      CASA_REQUIRE_WEBGPU: process.env.CASA_REQUIRE_WEBGPU,
    }),
  },
  // Threads need a page that is cross-origin isolated.
  server: { headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' } },
  optimizeDeps: {
    include: [
      '@tensorflow/tfjs-core',
      '@tensorflow/tfjs-backend-cpu',
      '@tensorflow/tfjs-backend-wasm',
      '@tensorflow/tfjs-backend-webgpu',
      'fast-check',
    ],
  },
  test: {
    name: 'chromium',
    include: ['src/ops/*/*.test.ts', 'src/plan/*.test.ts', 'src/engine/wasm/threads.browser.test.ts'],
    benchmark: { include: [] },
    globalSetup: ['scripts/build-kernels.mjs'],
    testTimeout: 60_000,
    fileParallelism: false,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({
        launchOptions: {
          executablePath: findBrowser(),
          args: [
            '--headless=new',
            '--no-sandbox',
            '--enable-unsafe-webgpu',
            '--enable-features=Vulkan,WebGPU',
            '--use-webgpu-adapter=swiftshader',
            '--enable-dawn-features=disable_workgroup_init',
          ],
        },
      }),
      instances: [{ browser: 'chromium' }],
    },
  },
})
