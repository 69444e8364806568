/**
 * The laws between the packages (ARCHITECTURE.md), checked on the import statements of every source file, and the law of errors,
 * checked on every "new Error"; that every package.json, CI and the release's rehearsal name the same versions of Node; and that peers are handed
 * down.
 * Prints each breach as file:line and exits 1 if there is one.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What each package may import of ours. All may import `base`, tests also `testing`. */
const allowed = {
  base: [],
  tensor: [],
  core: ['tensor'],
  sequence: ['core', 'tensor'],
  casa: ['core', 'tensor'],
  vision: ['core', 'tensor'],
  video: ['vision'],
  backbones: ['core', 'tensor'],
  tokenizers: [],
  weights: ['core'],
  verify: ['casa', 'core', 'eval', 'sequence', 'tensor', 'tokenizers', 'train', 'vision', 'vlm', 'weights'],
  web: ['base', 'core', 'data', 'tensor', 'train', 'verify', 'vision', 'vlm', 'weights'],
  vlm: ['backbones', 'casa', 'core', 'sequence', 'tensor', 'tokenizers', 'vision', 'weights'],
  'casa-js': ['base', 'tensor', 'video', 'vision', 'vlm'],
  data: ['core', 'tokenizers', 'vision', 'weights'],
  train: ['backbones', 'casa', 'core', 'data', 'tensor', 'tokenizers', 'vision', 'vlm', 'weights'],
  eval: ['core', 'data', 'tokenizers', 'vision', 'vlm', 'weights'],
  serve: ['tensor', 'vision', 'vlm'],
  'ai-sdk': ['tensor', 'vision', 'vlm'],
  study: ['core', 'eval', 'sequence', 'tensor', 'tokenizers', 'train', 'vlm'],
  testing: ['core', 'sequence', 'tensor', 'weights'],
}

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (['node_modules', 'dist', 'build', 'fixtures', 'kernels'].includes(entry.name)) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* sources(path)
    else if (/\.(ts|mts|tsx)$/.test(entry.name)) yield path
  }
}

const importPattern =
  /(?:^|\n)[^\S\n]*(?:import|export)\b[^'"`;]*?from\s*['"]([^'"]+)['"]|\bimport\s*\(\s*['"]([^'"]+)['"]|(?:^|\n)\s*import\s+['"]([^'"]+)['"]/g

function* importsOf(text) {
  for (const match of text.matchAll(importPattern)) {
    const at = match.index + match[0].search(/\S/)
    yield { name: match[1] ?? match[2] ?? match[3], line: text.slice(0, at).split('\n').length }
  }
}

const breaches = []
for (const owner of Object.keys(allowed)) {
  for (const path of sources(join(root, 'packages', owner))) {
    const file = relative(root, path)
    const text = readFileSync(path, 'utf8')
    const isTest = /\.(test|bench)\.ts$/.test(file) || file.includes('/testing/') || file.includes('/bench/')
    const platform = /\.(node|browser)\.ts$/.test(basename(path))
    for (const { name, line } of importsOf(text)) {
      const breach = (law) => breaches.push(`${file}:${line} imports ${name}: ${law}`)
      if (name.startsWith('@tensorflow/') && owner !== 'tensor') breach('only tensor imports tfjs')
      const ours = /^@casa-js\/([^/]+)/.exec(name)?.[1]
      if (
        ours &&
        ours !== owner &&
        ours !== 'base' &&
        !allowed[owner].includes(ours) &&
        !(isTest && ['testing', 'weights'].includes(ours))
      )
        breach(`${owner} may import ${['base', ...allowed[owner]].join(', ')}`)
      if (name.startsWith('node:') && !platform && !isTest && !/(^|\/)node\.ts$/.test(file))
        breach('platform code belongs into *.node.ts behind #platform')
      if (/^\.\.?\//.test(name) && !/\.(ts|json|mjs)$|\?worker/.test(name)) breach('relative imports carry their extension')
    }
  }
}

/** A plain Error on its way to being thrown: no program can tell it from another. */
const plainError = /(?:\bthrow\s+|\breject\(\s*|\breturn\s+|=>\s*|[?:=]\s*)new (?:Error|TypeError|RangeError|SyntaxError)\(/g
const plainClass = /\bclass \w+ extends (?:Error|TypeError|RangeError|SyntaxError)\b/g
const notShipped = /\.(test|bench)\.tsx?$|\/(bench|fixtures|fuzz)\/|^packages\/[^/]+\/scripts\//

for (const folder of ['packages', 'apps', 'recipes']) {
  for (const path of sources(join(root, folder))) {
    const file = relative(root, path)
    if (notShipped.test(file) || file === 'packages/base/src/errors.ts') continue
    const text = readFileSync(path, 'utf8')
    for (const match of [...text.matchAll(plainError), ...text.matchAll(plainClass)]) {
      const line = text.slice(0, match.index).split('\n').length
      breaches.push(`${file}:${line} ${match[0]}: what is thrown is a CasaError (packages/base/src/errors.ts has the kinds)`)
    }
  }
}

/** Which versions of Node are supported is said once, in the package.json at the top, and everywhere else the same. */
const readJson = (...path) => JSON.parse(readFileSync(join(root, ...path), 'utf8'))
const { node } = readJson('package.json').engines
/** @ai-sdk/provider asks for it. */
const newerNode = { 'packages/ai-sdk': '>=22' }
const manifests = new Map(
  ['packages', 'apps', 'recipes', 'examples']
    .flatMap((top) => readdirSync(join(root, top)).map((name) => `${top}/${name}`))
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .map((folder) => [folder, readJson(folder, 'package.json')]),
)
for (const [folder, { private: isPrivate, engines, publishConfig }] of manifests) {
  const wanted = newerNode[folder] ?? node
  if (engines?.node !== wanted && !(isPrivate && !engines))
    breaches.push(`${folder}/package.json: engines.node is ${engines?.node}, expected ${wanted}`)
  if (!isPrivate && publishConfig?.access !== 'public')
    breaches.push(`${folder}/package.json: publishConfig.access is not "public"`)
}

/**
 * A peer is handed down: who depends on a package with a peer has that peer too, or the package itself. Otherwise yarn (Plug'n'Play) gives each
 * of them a copy of its own, with its own device.
 */
const published = new Map([...manifests.values()].filter((json) => !json.private).map((json) => [json.name, json]))
for (const [folder, { private: isPrivate, dependencies = {}, optionalDependencies = {}, peerDependencies = {} }] of manifests) {
  if (isPrivate) continue
  const own = { ...dependencies, ...optionalDependencies, ...peerDependencies }
  for (const dependency of Object.keys(dependencies))
    for (const peer of Object.keys(published.get(dependency)?.peerDependencies ?? {}))
      if (!(peer in own))
        breaches.push(`${folder}/package.json: ${dependency} has the peer ${peer}; hand it down as an (optional) peer`)
}

const tried = [
  ['.github/workflows/ci.yml', /matrix: \{ node: \[(.*)\] \}/],
  ['scripts/rehearse-release.mjs', /const NODES = \[(.*)\]/],
].map(([file, list]) => ({ file, versions: list.exec(readFileSync(join(root, file), 'utf8'))?.[1] }))
for (const { file, versions } of tried) {
  if (versions !== tried[0].versions)
    breaches.push(`${file}: tries Node ${versions}, ${tried[0].file} tries ${tried[0].versions}`)
  if (!versions?.startsWith(`'${node.replace('>=', '')}'`))
    breaches.push(`${file}: the oldest Node it tries is not the ${node} of engines`)
}

for (const breach of breaches) console.error(breach)
console.log(breaches.length === 0 ? 'package laws: kept' : `package laws: ${breaches.length} breaches`)
process.exitCode = breaches.length === 0 ? 0 : 1
