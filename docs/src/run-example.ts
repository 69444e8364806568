/** Runs an example of the documents in a browser: types are stripped, imports come from the packages, what it logs is shown. */
import { transform } from 'sucrase'
import { shown } from './shown.ts'

/** The packages that examples import, loaded when one does. */
const packages: Record<string, () => Promise<unknown>> = {
  'casa-js': () => import('casa-js'),
  '@casa-js/backbones': () => import('@casa-js/backbones'),
  '@casa-js/base': () => import('@casa-js/base'),
  '@casa-js/casa': () => import('@casa-js/casa'),
  '@casa-js/core': () => import('@casa-js/core'),
  '@casa-js/tensor': () => import('@casa-js/tensor'),
  '@casa-js/tokenizers': () => import('@casa-js/tokenizers'),
  '@casa-js/video': () => import('@casa-js/video'),
  '@casa-js/vision': () => import('@casa-js/vision'),
  '@casa-js/vlm': () => import('@casa-js/vlm'),
  '@casa-js/weights': () => import('@casa-js/weights'),
  // Files of examples are served by the site, under the paths that a checkout has.
  'node:fs/promises': async () => ({
    readFile: async (path: string) => {
      const response = await fetch(import.meta.env.BASE_URL + path)
      if (!response.ok) throw new Error(`${path}: the site answered ${response.status}`)
      return new Uint8Array(await response.arrayBuffer())
    },
  }),
}

type AsyncFunctionConstructor = new (...parameters: string[]) => (...values: unknown[]) => Promise<void>
const AsyncFunction = (async () => {}).constructor as AsyncFunctionConstructor

/**
 * Run TypeScript source.
 * @param log receives every line that it logs, as documents write it
 * @throws what the example throws, and Error for a package that is not here.
 */
export async function runExample(source: string, log: (line: string) => void): Promise<void> {
  const { code } = transform(source, { transforms: ['typescript', 'imports'], preserveDynamicImport: true })
  const names = [...code.matchAll(/require\('([^']+)'\)/g)].map((match) => match[1]!)
  const modules = new Map<string, unknown>()
  for (const name of names) {
    const load = packages[name]
    if (!load) throw new Error(`examples cannot import ${name} in a page`)
    modules.set(name, await load())
  }
  const console = { log: (...values: unknown[]) => log(values.map(shown).join(' ')) }
  // Paths of examples are those of a checkout, which the site mirrors at its root.
  const run = new AsyncFunction('require', 'exports', 'console', code)
  await run((name: string) => modules.get(name), {}, console)
}
