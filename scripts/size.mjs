/**
 * `pnpm size`, after a build: what each package adds to a page, minified and compressed, into docs/benchmarks/sizes.md. `--check`, which `npm test`
 * runs, writes nothing and fails where a budget is exceeded.
 *
 * A package counts with everything that it exports and needs, bundled by Vite as for a browser; "beside tfjs" leaves the engine out, which all
 * packages share. Chunks that are loaded later are counted too, wasm files are not: those are listed with @casa-js/web.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { root } from './steps.mjs'

/**
 * @param {string} folder of the standalone build
 * @returns {{ file: string, bytes: number, gzipBytes: number }[]} the largest first
 */
export function standaloneSizes(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
      const content = readFileSync(path)
      return { file: relative(folder, path), bytes: content.byteLength, gzipBytes: gzipSync(content).byteLength }
    })
    .sort((a, b) => b.gzipBytes - a.gzipBytes)
}

/**
 * @param {string} folder of the build
 * @param {string} file in it
 * @returns {string[]} the file and every one that it imports before it runs; what it may import later is not among them
 */
export function importedBy(folder, file) {
  const found = new Set([file])
  for (const one of found) {
    const code = readFileSync(join(folder, one), 'utf8')
    for (const [, other] of code.matchAll(/(?:from|import)\s*"\.\/([\w./-]+\.js)"/g)) found.add(join(dirname(one), other))
  }
  return [...found]
}

/** Packages that run in a page, and their budgets: kB beside tfjs, compressed. */
const budgets = {
  base: 2,
  core: 3,
  tensor: 56,
  sequence: 34,
  casa: 31,
  backbones: 39,
  vision: 52,
  tokenizers: 34,
  weights: 52,
  video: 108,
  vlm: 154,
  train: 78,
  eval: 84,
  web: 6,
  'casa-js': 265,
}

/** What a program that asks a question imports of the front door. */
const asking = "export { ask, init, loadImage, loadVlm } from 'casa-js'"
const askingBudget = 165

const isEngine = (id) => id.startsWith('@tensorflow/')

/** @returns {Promise<{ bytes: number, gzipBytes: number }>} all JavaScript that a program is bundled into */
async function bundled(program, withEngine) {
  const { build } = createRequire(join(root, 'packages/web/package.json'))('vite')
  // Inside a package that depends on the others, so that they are found.
  const entry = join(root, 'docs/size.js')
  const result = await build({
    configFile: false,
    root: join(root, 'docs'),
    logLevel: 'error',
    plugins: [
      {
        name: 'program',
        resolveId: (id) => (id === entry ? entry : undefined),
        load: (id) => (id === entry ? program : undefined),
      },
    ],
    build: {
      write: false,
      minify: true,
      target: 'es2022',
      modulePreload: false,
      chunkSizeWarningLimit: 5000,
      rolldownOptions: { input: entry, preserveEntrySignatures: 'strict', external: (id) => !withEngine && isEngine(id) },
    },
  })
  const scripts = result.output.filter(({ type }) => type === 'chunk')
  return {
    bytes: scripts.reduce((sum, { code }) => sum + Buffer.byteLength(code), 0),
    gzipBytes: scripts.reduce((sum, { code }) => sum + gzipSync(code).byteLength, 0),
  }
}

async function main() {
  const isCheck = process.argv.includes('--check')
  const standalone = join(root, 'packages/web/dist/standalone')
  if (!existsSync(standalone)) {
    console.error('packages/web is not built yet: run "pnpm build" first')
    process.exit(1)
  }
  const kB = (bytes) => (bytes / 1000).toFixed(1)
  const programs = Object.entries(budgets).map(([folder, budget]) => {
    const { name } = JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8'))
    return { name, program: `export * from '${name}'`, budget }
  })
  programs.push({ name: 'casa-js, to ask a question', program: asking, budget: askingBudget })
  const rows = []
  const over = []
  for (const { name, program, budget } of programs) {
    const own = await bundled(program, false)
    const all = isCheck ? own : await bundled(program, true)
    rows.push([name, kB(own.bytes), kB(own.gzipBytes), budget, kB(all.bytes), kB(all.gzipBytes)])
    console.log(`${name.padEnd(28)} ${kB(own.bytes).padStart(8)} kB ${kB(own.gzipBytes).padStart(8)} kB gzip, of ${budget}`)
    if (own.gzipBytes > budget * 1000) over.push(`${name}: ${kB(own.gzipBytes)} kB of ${budget}`)
  }
  if (over.length > 0) {
    console.error(`over their budgets (scripts/size.mjs): ${over.join('; ')}`)
    process.exit(1)
  }
  if (isCheck) return
  const files = standaloneSizes(standalone)
  for (const { file, bytes, gzipBytes } of files)
    console.log(`${kB(bytes).padStart(8)} kB ${kB(gzipBytes).padStart(8)} kB gzip  ${file}`)
  writeFileSync(join(root, 'docs/benchmarks/sizes.md'), formatPage(rows, files, standalone, kB))
}

function formatPage(rows, files, folder, kB) {
  const total = (wanted) => files.filter(({ file }) => wanted(file)).reduce((sum, { gzipBytes }) => sum + gzipBytes, 0)
  const atOnce = (entry) => {
    const imported = importedBy(folder, entry)
    return kB(total((file) => imported.includes(file)))
  }
  const wasm = (name) => kB(total((file) => new RegExp(`/${name}-[\\w-]{8}\\.wasm$`).test(file)))
  return `# What a page loads

Written by \`pnpm size\`. kB are 1,000 bytes; compressed is gzip.

## A model in a worker

Files of @casa-js/web that a page with \`createVlmClient\` loads, compressed. A bundler makes the same of it, but for the names.

| | kB | loaded |
| --- | ---: | --- |
| the client | ${atOnce('casa-web.js')} | with the page |
| \`<casa-caption>\` | ${atOnce('casa-caption.js')} | with the page, the client included |
| the worker | ${atOnce('worker.js')} | when a client is created |
| WebAssembly: our kernels | ${wasm('kernels')} | if the device is wasm |
| WebAssembly: tfjs | ${wasm('tfjs-backend-wasm-simd')} | if the device is wasm |
| WebGPU | ${kB(total((file) => /\/backend-/.test(file)))} | if the device is a GPU |

## Each package

With everything that a package exports, and all that it needs; a program that imports less gets less. tfjs is the engine, which packages share.

| package | minified, kB | compressed | budget | with tfjs, minified | compressed |
| --- | ---: | ---: | ---: | ---: | ---: |
${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}
`
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await main()
