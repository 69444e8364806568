/**
 * A mirror of npm may lack the builds of native packages for other platforms. They are never installed here, but yarn asks for each of
 * them before it installs anything; so the rehearsal's registry gets an empty package in place of each that is missing.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../steps.mjs'

/**
 * @param modules a node_modules folder that npm has filled
 * @param work a folder to make the empty packages in
 * @returns names and versions of the packages that were missing
 */
export async function fillMissingBuilds(url, modules, work) {
  const missing = []
  for (const [name, version] of optionalDependencies(modules)) {
    const answer = await fetch(`${url}${name.replace('/', '%2f')}`)
    if (answer.ok && (await answer.json()).versions[version]) continue
    const folder = join(work, name.replace('/', '-'))
    mkdirSync(folder, { recursive: true })
    // No machine is of this kind, so no manager installs it.
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version, os: ['none'], cpu: ['none'] }))
    writeFileSync(join(folder, '.npmrc'), `registry=${url}\n${url.replace(/^http:/, '')}:_authToken=rehearsal\n`)
    const { code, output } = await run(['npm', 'publish', '--tag', 'missing', '--provenance=false'], { cwd: folder })
    if (code !== 0) throw new Error(`${name}@${version} cannot be put into the registry:\n${output}`)
    missing.push(`${name}@${version}`)
  }
  return missing
}

/** Name and version of every optional dependency of every installed package, for the exact versions that native builds have. */
function optionalDependencies(modules) {
  const found = new Map()
  for (const name of packagesIn(modules)) {
    const { optionalDependencies: builds = {} } = JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8'))
    for (const [build, version] of Object.entries(builds)) if (/^\d/.test(version)) found.set(build, version)
  }
  return found
}

function packagesIn(modules) {
  const names = readdirSync(modules).filter((name) => !name.startsWith('.'))
  const scoped = names
    .filter((name) => name.startsWith('@'))
    .flatMap((scope) => readdirSync(join(modules, scope)).map((name) => `${scope}/${name}`))
  return [...names, ...scoped].filter((name) => existsSync(join(modules, name, 'package.json')))
}
