/** Which parts of this package a bundler keeps, and which files it ships for a page that calls init(). */
import { fileURLToPath } from 'node:url'
import { build, type Rolldown } from 'vite'
import { expect, it } from 'vitest'

/** A program in a package that depends on this one, so that it is resolved as a dependency, through its package.json. */
const entry = fileURLToPath(new URL('../../core/program.ts', import.meta.url))

/** The files that a program is bundled into. */
async function bundled(program: string, lazyBarrel = false): Promise<Rolldown.RolldownOutput['output'][number][]> {
  const result = await build({
    configFile: false,
    logLevel: 'error',
    resolve: { conditions: ['@casa-js/source', 'browser', 'module'] },
    plugins: [
      {
        name: 'program',
        resolveId: (id) => (id === entry ? entry : undefined),
        load: (id) => (id === entry ? program : undefined),
      },
    ],
    build: { write: false, minify: true, target: 'es2022', rollupOptions: { input: entry, experimental: { lazyBarrel } } },
  })
  return [result].flat().flatMap((one) => ('output' in one ? one.output : []))
}

const codeOf = (files: Rolldown.RolldownOutput['output'][number][]) =>
  files.map((file) => ('code' in file ? file.code : '')).join('')

const small = `import { joinHalves } from '@casa-js/tensor'; globalThis.words = joinHalves([1, 2])`

it('a program that only imports joinHalves bundles no kernel and no engine', async () => {
  const code = codeOf(await bundled(small))
  expect(code).not.toContain('.wasm')
  expect(code.length).toBeLessThan(1000)
})

it('nor is a wasm file emitted for it when the bundler skips unused modules', async () => {
  expect(await bundled(small, true)).toHaveLength(1)
})

it('a program that uses one operator bundles the kernels of that operator only', async () => {
  const code = codeOf(await bundled(`import { swiglu } from '@casa-js/tensor'; globalThis.swiglu = swiglu`))
  expect(code).toContain('Swiglu')
  expect(code).not.toMatch(/CrossEntropy|LayerNorm|AdamW/)
})

it('a page that calls init ships our kernels and the wasm file of tfjs', async () => {
  const files = await bundled(`import { init } from '@casa-js/tensor'; globalThis.init = init`)
  const wasm = files.map(({ fileName }) => fileName).filter((name) => name.endsWith('.wasm'))
  for (const name of [
    'kernels-relaxed-',
    'kernels-',
    'kernels-shared-',
    'tfjs-backend-wasm-simd-',
    'tfjs-backend-wasm-simd-shared-',
  ])
    expect(
      wasm.some((file) => file.includes(`/${name}`)),
      `${name} in ${wasm}`,
    ).toBe(true)
})
