/**
 * A release, rehearsed: `pnpm rehearse-release`. In a temporary clone of the last commit it makes the versions, builds and
 * publishes to a registry of its own on this machine; then it installs every package from there into empty projects with npm, pnpm, yarn
 * and bun, and asks the shipped model in every supported version of Node and in Chromium. Nothing here or on the network is changed.
 *
 *     --only npm,bun,node,chromium     some of: npm, pnpm, yarn, "yarn berry", bun, node (all versions), chromium
 *     --keep                           leaves the temporary folder in place
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureBrowser } from './browser.mjs'
import { importingProgram, publicPackages } from './packages.mjs'
import { askInChromium } from './release/browser-project.mjs'
import { managers, registryFiles } from './release/managers.mjs'
import { fillMissingBuilds } from './release/missing-builds.mjs'
import { startRegistry } from './release/registry.mjs'
import { pnpm, root, run, step } from './steps.mjs'

/** The oldest that `engines` allows, and the newer long-term releases. */
const NODES = ['20.19', '22', '24']
const QUESTION = ['sign.png', 'What does it say?', '--device', 'wasm']
const ANSWER = 'camel'

const { values: options } = parseArgs({ options: { only: { type: 'string' }, keep: { type: 'boolean', default: false } } })
const wanted = (name) => !options.only || options.only.split(',').includes(name)

const place = mkdtempSync(join(tmpdir(), 'casa-release-'))
const caches = join(place, 'caches')
let ok = true

async function must(name, command, settings) {
  const result = await step(name, command, settings)
  ok &&= result.passed
  return result
}

/** A step that must print the answer, too. */
async function mustAnswer(name, command, settings) {
  const { passed, output } = await must(name, command, settings)
  if (!passed || output.includes(ANSWER)) return
  console.log(`FAILED ${name}: expected "${ANSWER}" in\n${output}`)
  ok = false
}

/** An empty folder that installs from the registry, with a picture to ask about. */
function createProject(name, url) {
  const project = join(place, 'projects', name.replace(' ', '-'))
  mkdirSync(project, { recursive: true })
  for (const [file, text] of Object.entries(registryFiles(url, caches))) writeFileSync(join(project, file), text)
  cpSync(join(root, 'apps/cli/samples/sign.png'), join(project, 'sign.png'))
  return project
}

/** @returns the packages as they were published, or undefined where a step failed */
async function publish(url) {
  const clone = join(place, 'clone')
  const { output } = await run(['git', 'status', '--porcelain'])
  if (output.trim() !== '') console.log('note   what is not committed is not rehearsed')
  const steps = [
    ['clone the last commit', ['git', 'clone', '--quiet', '--no-hardlinks', root, clone], root],
    ['install', [...pnpm, 'install', '--frozen-lockfile', '--prefer-offline']],
    ['version-packages: versions and CHANGELOGs', [...pnpm, 'version-packages']],
    ['build', [...pnpm, 'build']],
  ]
  for (const [name, command, cwd = clone] of steps) if (!(await must(name, command, { cwd })).passed) return undefined
  const packages = publicPackages(clone)
  const versions = new Set(packages.map(({ json }) => json.version))
  const changelogs = packages.filter(({ folder }) => readdirSync(join(clone, folder)).includes('CHANGELOG.md'))
  console.log(`       ${packages.length} packages, version ${[...versions].join(', ')}, ${changelogs.length} with a CHANGELOG`)
  writeFileSync(join(clone, '.npmrc'), registryFiles(url, caches)['.npmrc'])
  const published = await must('changeset publish', [...pnpm, 'changeset', 'publish', '--no-git-tag'], { cwd: clone })
  return published.passed ? packages : undefined
}

/** Whether a package says that it runs in a version of Node: yarn installs no other. */
const supports =
  (version) =>
  ({ json }) =>
    Number(version.split('.')[0]) >= Number(json.engines.node.replace('>=', '').split('.')[0])

/** Installs everything with one package manager; imports, takes a gradient, asks. */
async function tryManager(name, all, url) {
  const { add, node, command } = managers[name]
  const project = createProject(name, url)
  const manifest = { name: 'empty', version: '1.0.0', private: true, type: 'module' }
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest, null, 2))
  const packages = all.filter(supports(process.versions.node))
  writeFileSync(join(project, 'index.mjs'), importingProgram(packages))
  // Yarn installs no peers by itself. They come in the versions that the clone has.
  const peers = packages.flatMap(({ folder, json }) =>
    Object.keys(json.peerDependencies ?? {}).flatMap((peer) => {
      if (json.peerDependenciesMeta?.[peer]?.optional) return []
      const { version } = JSON.parse(readFileSync(join(place, 'clone', folder, 'node_modules', peer, 'package.json'), 'utf8'))
      return [`${peer}@${version}`]
    }),
  )
  const names = [...packages.map(({ json }) => json.name), ...new Set(peers), 'sharp']
  const settings = { cwd: project }
  if (!(await must(`${name}: install ${packages.length} packages and their peers`, [...add, ...names], settings)).passed) return
  await must(`${name}: import every package, take a gradient`, [...node, 'index.mjs'], settings)
  await mustAnswer(`${name}: casa ask`, [...command, 'casa', 'ask', ...QUESTION], settings)
  await mustAnswer(`${name}: casa-js ask`, [...command, 'casa-js', 'ask', ...QUESTION], settings)
}

/** The front door from an empty folder, and every package, in one version of Node. */
async function tryNode(version, project, url) {
  const empty = createProject(`node-${version}`, url)
  const npx = ['npx', '--yes', `--package=node@${version}`]
  await mustAnswer(
    `node ${version}: npx casa-js ask, from an empty folder`,
    [...npx, '--package=casa-js', '--', 'casa-js', 'ask', ...QUESTION],
    { cwd: empty },
  )
  const imported = await must(`node ${version}: import every package, take a gradient`, [...npx, '--', 'node', 'index.mjs'], {
    cwd: project,
  })
  const found = /^v[\d.]+/m.exec(imported.output)?.[0] ?? 'another version'
  if (found.startsWith(`v${version}.`)) return
  console.log(`FAILED node ${version}: it ran in ${found}`)
  ok = false
}

async function tryChromium(project) {
  if (!(await ensureBrowser())) return void (ok = false)
  const answer = await askInChromium(project).catch((error) => `failed: ${error.stack}`)
  const passed = answer === `wasm: ${ANSWER}`
  console.log(`${passed ? 'ok    ' : 'FAILED'} chromium: a bundle of casa-js answers "${answer}"`)
  ok &&= passed
}

const registry = await startRegistry(join(place, 'registry'))
try {
  const packages = await publish(registry.url)
  if (packages) {
    // Node and Chromium use the project that npm fills, so npm always comes first.
    const others = Object.keys(managers).filter((name) => name !== 'npm' && wanted(name))
    await tryManager('npm', packages, registry.url)
    const project = join(place, 'projects', 'npm')
    const missing = await fillMissingBuilds(registry.url, join(project, 'node_modules'), join(place, 'missing'))
    if (missing.length > 0)
      console.log(`note   ${missing.length} builds for other platforms are missing upstream; empty ones stand for them`)
    for (const name of others) await tryManager(name, packages, registry.url)
    for (const version of NODES) if (wanted('node')) await tryNode(version, project, registry.url)
    if (wanted('chromium')) await tryChromium(project)
  }
} finally {
  registry.stop()
  if (!ok) console.log(readFileSync(registry.log, 'utf8').split('\n').slice(-30).join('\n'))
  if (options.keep) console.log(`kept   ${place}`)
  else rmSync(place, { recursive: true, force: true, maxRetries: 5 })
}
console.log(ok ? 'the release can be made' : 'the release would fail')
process.exit(ok ? 0 : 1)
