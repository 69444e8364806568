/**
 * `pnpm size`, after a build: what a browser loads of @casa-js/web, file by file, plain and compressed. The page loads casa-caption.js (or
 * the client, which is smaller); everything else loads in the worker, and of the wasm files one pair. packages/web's test holds the budget.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'

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

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const folder = fileURLToPath(new URL('../packages/web/dist/standalone', import.meta.url))
  if (!existsSync(folder)) {
    console.error('packages/web is not built yet: run "pnpm build" first')
    process.exit(1)
  }
  const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`.padStart(10)
  const sizes = standaloneSizes(folder)
  for (const { file, bytes, gzipBytes } of sizes) console.log(`${kB(bytes)} ${kB(gzipBytes)} gzip  ${file}`)
  const total = (of) => sizes.reduce((sum, one) => sum + one[of], 0)
  console.log(`${kB(total('bytes'))} ${kB(total('gzipBytes'))} gzip  in all`)
}
