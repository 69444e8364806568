/** What a bundler keeps of the front door: what was imported, and what that needs. */
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { expect, it } from 'vitest'

/** Minified bytes of a program, from the sources. */
async function bundled(program: string): Promise<string> {
  const entry = fileURLToPath(new URL('./index.ts', import.meta.url))
  const result = await build({
    configFile: false,
    logLevel: 'error',
    resolve: { conditions: ['@casa-js/source', 'browser', 'module'] },
    plugins: [
      {
        name: 'program',
        resolveId: (id) => (id === 'program' ? '\0program' : undefined),
        load: (id) => (id === '\0program' ? program.replace('casa-js', entry) : undefined),
      },
    ],
    build: { write: false, minify: true, target: 'es2022', rollupOptions: { input: 'program' } },
  })
  const outputs = Array.isArray(result) ? result : [result]
  return outputs.flatMap((one) => ('output' in one ? one.output.map((file) => ('code' in file ? file.code : '')) : [])).join('')
}

it('a program that only formats subtitles ships no model and no operator', async () => {
  const code = await bundled(`import { formatSrt } from 'casa-js'; globalThis.said = formatSrt([])`)
  expect(code).toContain('-->')
  expect(code.length).toBeLessThan(6_000)
  expect(code).not.toMatch(/@compute|AGFzbQ/)
})

it('a program that only decodes pictures ships no operator and no sharp', async () => {
  const code = await bundled(`import { decodeImage } from 'casa-js'; globalThis.decodeImage = decodeImage`)
  expect(code).toContain('createImageBitmap')
  expect(code.length).toBeLessThan(30_000)
  expect(code).not.toMatch(/@compute|AGFzbQ|libvips/)
})
