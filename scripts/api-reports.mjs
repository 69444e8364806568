/**
 * What every package exports, as files that a review sees change (api/*.api.md), and the law that it is documented.
 *
 *   node scripts/api-reports.mjs            write the reports
 *   node scripts/api-reports.mjs --check    compare them; exit 1 where one differs or an exported function has no docs
 *
 * Reads dist/*.d.ts: build first. An entry point named ./internal is no public API: no report, but its functions are documented too.
 */
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { root } from './steps.mjs'

const check = process.argv.includes('--check')
const reports = join(root, 'api')
const scratch = mkdtempSync(join(tmpdir(), 'casa-api-'))
const compilerOptions = {
  target: 'ES2022',
  lib: ['ES2023', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'],
  module: 'NodeNext',
  moduleResolution: 'NodeNext',
  strict: true,
  skipLibCheck: true,
  types: ['node', '@webgpu/types'],
}

/** Every entry point with types: { name of its report, folder, .d.ts, internal }. */
function* entryPoints() {
  for (const name of readdirSync(join(root, 'packages')).sort()) {
    const folder = join(root, 'packages', name)
    const manifest = join(folder, 'package.json')
    if (!existsSync(manifest)) continue
    const { exports = {}, private: isPrivate } = JSON.parse(readFileSync(manifest, 'utf8'))
    if (isPrivate) continue
    for (const [path, conditions] of Object.entries(exports)) {
      if (typeof conditions !== 'object' || !conditions.types) continue
      const suffix = path === '.' ? '' : `-${path.slice(2).replaceAll('/', '-')}`
      yield { name: name + suffix, folder, manifest, types: join(folder, conditions.types), internal: path === './internal' }
    }
  }
}

/** Writes the report and the model of one entry point into the scratch folder. */
function extract({ name, folder, manifest, types }) {
  const configObject = {
    projectFolder: folder,
    mainEntryPointFilePath: types,
    compiler: { overrideTsconfig: { compilerOptions, files: [types] } },
    apiReport: {
      enabled: true,
      reportFolder: scratch,
      reportTempFolder: join(scratch, 'temp'),
      reportFileName: `${name}.api.md`,
    },
    docModel: { enabled: true, apiJsonFilePath: join(scratch, `${name}.api.json`) },
    dtsRollup: { enabled: false },
    tsdocMetadata: { enabled: false },
    newlineKind: 'lf',
  }
  const config = ExtractorConfig.prepare({ configObject, configObjectFullPath: undefined, packageJsonFullPath: manifest })
  // TSDoc's own style and release tags are not ours; what cannot be resolved is an error all the same.
  const errors = []
  Extractor.invoke(config, {
    localBuild: true,
    messageCallback(message) {
      if (message.logLevel === 'error') errors.push(message.text)
      message.handled = true
    },
  })
  if (errors.length > 0) throw new Error(`${name}: ${errors.join('; ')}`)
  return {
    report: readFileSync(join(scratch, `${name}.api.md`), 'utf8'),
    model: JSON.parse(readFileSync(join(scratch, `${name}.api.json`), 'utf8')),
  }
}

const signatureOf = ({ excerptTokens }) => excerptTokens.map(({ text }) => text).join('')
const takesTensors = (signature) => /\bTensor\b/.test(signature)
/** Text before the first tag: what hovering shows first. */
const summaryOf = ({ docComment = '' }) =>
  docComment
    .replaceAll(/^\s*\/?\*+\/?/gm, ' ')
    .split(/\s@\w/)[0]
    .replaceAll(/[/*\s]+/g, ' ')
    .trim()

/** What an exported function lacks, in words; '' when nothing. */
function missingDocs(item) {
  const signature = signatureOf(item)
  const isFunction = item.kind === 'Function' || item.kind === 'Class' || (item.kind === 'Variable' && /=>/.test(signature))
  if (!isFunction) return ''
  if (summaryOf(item).split(' ').filter(Boolean).length < 3)
    return 'says nothing of what it does or returns, before the first tag'
  if (item.kind === 'Function' && takesTensors(signature) && !/\[[^\]]*\]|any shape|scalar/i.test(item.docComment))
    return 'takes or returns tensors, and its comment gives no shape ([T, D], "a scalar", "any shape")'
  return ''
}

const problems = []
if (!check) mkdirSync(reports, { recursive: true })
const written = new Set()
for (const entry of entryPoints()) {
  const { report, model } = extract(entry)
  for (const item of model.members.flatMap(({ members }) => members)) {
    const missing = missingDocs(item)
    if (missing)
      problems.push(
        `${entry.name}: ${item.name} (${basename(dirname(entry.folder))}/${basename(entry.folder)}/${item.fileUrlPath ?? ''}) ${missing}`,
      )
  }
  if (entry.internal) continue
  const file = `${entry.name}.api.md`
  written.add(file)
  if (!check) writeFileSync(join(reports, file), report)
  else if (!existsSync(join(reports, file)) || readFileSync(join(reports, file), 'utf8') !== report)
    problems.push(`api/${file} is out of date: run pnpm api and look at what changed`)
}
const stale = existsSync(reports) ? readdirSync(reports).filter((file) => file.endsWith('.api.md') && !written.has(file)) : []
for (const file of stale) {
  if (check) problems.push(`api/${file} belongs to no entry point: delete it`)
  else rmSync(join(reports, file))
}
rmSync(scratch, { recursive: true, force: true })

for (const problem of problems) console.error(problem)
console.log(problems.length === 0 ? 'api: documented, and as reported' : `api: ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
