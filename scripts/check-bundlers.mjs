/**
 * `pnpm bundlers [import-map] [vite] [webpack] [next]`, after a build: examples/bundlers, built with packed packages and opened in Chromium; those
 * named, or all. It installs the bundlers, so `npm test` runs import-map alone, which needs none.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureBrowser } from './browser.mjs'
import { exampleNames, tryExample } from './bundlers.mjs'
import { packAll } from './pack.mjs'

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !exampleNames.includes(name))
if (unknown.length > 0 || !(await ensureBrowser())) {
  console.log(`expected ${exampleNames.join(', ')}; got ${unknown.join(', ')}`)
  process.exit(1)
}
const place = mkdtempSync(join(tmpdir(), 'casa-bundlers-'))
const { passed, dependencies } = await packAll(join(place, 'tarballs'))
let ok = passed
if (passed) {
  for (const name of wanted.length > 0 ? wanted : exampleNames)
    ok = (await tryExample(name, dependencies, join(place, name))) && ok
}
rmSync(place, { recursive: true, force: true })
process.exit(ok ? 0 : 1)
