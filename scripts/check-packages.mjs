/**
 * Packs every public package as npm would publish it, checks the tarballs with publint and attw, installs them all in an empty
 * project outside this one, and runs there: every package imported and compiled against, a gradient taken, the shipped model asked.
 * In Chromium, a page with an import map asks the model too.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findBrowser } from './browser.mjs'
import { tryExample } from './bundlers.mjs'
import { packAll } from './pack.mjs'
import { importingProgram, publicPackages } from './packages.mjs'
import { root, step } from './steps.mjs'

const packages = publicPackages()
const place = mkdtempSync(join(tmpdir(), 'casa-packages-'))
const tarballs = join(place, 'tarballs')
const project = join(place, 'project')
mkdirSync(project)
let ok = true
const must = async (...args) => {
  const { passed } = await step(...args)
  ok &&= passed
  return passed
}

const { passed: packed, files, dependencies } = await packAll(tarballs)
ok &&= packed
await must('publint and attw on the tarballs', ['node', 'scripts/lint-tarballs.mjs', ...files])

writeFileSync(
  join(project, 'package.json'),
  JSON.stringify({ name: 'empty', private: true, type: 'module', dependencies, overrides: dependencies }, null, 2),
)
writeFileSync(join(project, 'index.mjs'), importingProgram(packages))
writeFileSync(
  join(project, 'typed.ts'),
  `${packages
    .filter(({ json }) => json.exports)
    .flatMap(({ json }) =>
      Object.keys(json.exports).map(
        (path) => `export * as ${`p_${json.name}_${path}`.replaceAll(/\W/g, '_')} from '${json.name}${path.slice(1)}'`,
      ),
    )
    .join('\n')}
import { loadVlm, type Vlm } from 'casa-js'
export const vlm: Promise<Vlm> = loadVlm('model')
`,
)
const compilerOptions = {
  strict: true,
  noEmit: true,
  module: 'NodeNext',
  target: 'ES2022',
  lib: ['ES2023', 'DOM', 'DOM.Iterable'],
  types: [],
  skipLibCheck: true,
}
writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['typed.ts'] }))
if (await must('npm install in an empty project', ['npm', 'install', '--no-audit', '--no-fund'], { cwd: project })) {
  await must('import every package, take a gradient', ['node', 'index.mjs'], { cwd: project })
  await must('types of every package, as a user compiles them', [
    'node',
    join(root, 'node_modules/typescript/bin/tsc'),
    '-p',
    project,
  ])
  await must('casa --help', ['npx', 'casa', '--help'], { cwd: project })
  await must(
    'casa ask',
    ['npx', 'casa', 'ask', join(root, 'apps/cli/samples/sign.png'), 'What does it say?', '--device', 'wasm'],
    { cwd: project },
  )
  await must(
    'casa-js ask, the front door beside the command line',
    ['npx', 'casa-js', 'ask', join(root, 'apps/cli/samples/sign.png'), 'What does it say?', '--device', 'wasm'],
    { cwd: project },
  )
  await must('casa verify', ['npx', 'casa', 'verify', '--device', 'wasm'], { cwd: project })
}
if (findBrowser()) ok = (await tryExample('import-map', dependencies, join(place, 'import-map'))) && ok
rmSync(place, { recursive: true, force: true })
process.exit(ok ? 0 : 1)
