/** Every public package as npm would publish it: tarballs, and what a project needs to say to install them. */
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { publicPackages } from './packages.mjs'
import { pnpm, step } from './steps.mjs'

/**
 * Packs all packages into a folder.
 * @returns {Promise<{ passed: boolean, files: string[], dependencies: Record<string, string> }>} the tarballs, and the dependencies of a
 *   project that installs them
 */
export async function packAll(folder) {
  const packages = publicPackages()
  mkdirSync(folder, { recursive: true })
  const filters = packages.flatMap(({ json }) => ['--filter', json.name])
  const { passed } = await step(`pack ${packages.length} packages`, [
    ...pnpm,
    ...filters,
    '-r',
    'pack',
    '--pack-destination',
    folder,
  ])
  const files = readdirSync(folder).map((name) => join(folder, name))
  const tarballOf = ({ name, version }) =>
    files.find((file) => file.endsWith(`/${name.replace('@', '').replace('/', '-')}-${version}.tgz`))
  return {
    passed,
    files,
    dependencies: Object.fromEntries(packages.map(({ json }) => [json.name, `file:${tarballOf(json)}`])),
  }
}
