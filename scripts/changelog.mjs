/**
 * After `changeset version`: gathers what the newest version brought to each package into CHANGELOG.md at the top, where a person looks
 * for it. `pnpm version-packages` runs both.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { publicPackages } from './packages.mjs'
import { root } from './steps.mjs'

const title = '# Changelog\n\nWhat each release brought, by package. All packages are released together, with one version.\n'
/** The front doors come first. */
const first = ['casa-js', '@casa-js/cli', '@casa-js/web']

const place = (name) => (first.includes(name) ? first.indexOf(name) : first.length)
const packages = publicPackages().sort((a, b) => place(a.json.name) - place(b.json.name) || (a.json.name < b.json.name ? -1 : 1))
const { version } = packages[0].json

const sections = packages.flatMap(({ folder, json }) => {
  const path = join(root, folder, 'CHANGELOG.md')
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const body = text.split(`\n## ${version}\n`)[1]?.split(/\n## /)[0]?.trim()
  if (!body) return []
  // Within a version the difference of minor and patch is that of new and mended.
  const items = body.replaceAll(/^### (Major|Minor|Patch) Changes\n\n/gm, '').replaceAll(/\n{2,}(?=- )/g, '\n')
  return [`### ${json.name}\n\n${items}\n`]
})

const path = join(root, 'CHANGELOG.md')
const before = existsSync(path) ? readFileSync(path, 'utf8').slice(title.length) : ''
if (before.includes(`\n## ${version}\n`)) throw new Error(`CHANGELOG.md has ${version} already`)
writeFileSync(path, `${title}\n## ${version}\n\n${sections.join('\n')}${before}`)
console.log(`CHANGELOG.md: ${version}, ${sections.length} of ${packages.length} packages changed`)
