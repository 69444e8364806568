/**
 * `pnpm new:backbone <model_type>`: everything a backbone family touches, from the templates in templates/backbone.
 *
 * The new family is Llama's block under another name, and passes every law of the kit at once; its golden test fails until the
 * script beside it has been run and the differences are written down. docs/contributing-a-backbone.md walks through one.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('..', import.meta.url))
const templates = join(repository, 'scripts', 'templates', 'backbone')
const usage = 'usage: pnpm new:backbone <model_type>      model_type as in config.json, e.g. mistral'

function fail(message) {
  console.error(message)
  process.exit(1)
}

/** Where each template goes. */
const placesOf = (modelType) => ({
  'family.ts': `packages/backbones/src/${modelType}.ts`,
  'family.test.ts': `packages/backbones/src/${modelType}.test.ts`,
  'make_golden.py': `docs/goldens/make_${modelType}.py`,
  'page.md': `docs/backbones/${modelType}.md`,
  'changeset.md': `.changeset/backbone-${modelType}.md`,
})

/** Put `line` after the last line that looks like its kind. */
function addLine(text, kind, line) {
  const lines = text.split('\n')
  const last = lines.findLastIndex((l) => kind.test(l))
  lines.splice(last + 1, 0, line)
  return lines.join('\n')
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { root: { type: 'string', default: repository }, help: { type: 'boolean', short: 'h' } },
})
if (values.help) {
  console.log(usage)
  process.exit(0)
}
const { root } = values
const [modelType, ...rest] = positionals
if (!modelType || rest.length > 0) fail(usage)
if (!/^[a-z][a-z0-9_.-]*$/.test(modelType))
  fail(`"${modelType}" is not a model_type: expected lower-case letters, digits and _, starting with a letter\n${usage}`)
const identifier = modelType.replaceAll(/[.-]/g, '_')

const places = placesOf(modelType)
const taken = Object.values(places).find((path) => existsSync(join(root, path)))
if (taken) fail(`${taken} exists: choose another model_type, or remove it first`)

function edit(path, change) {
  const text = readFileSync(join(root, path), 'utf8')
  const changed = change(text)
  if (!changed.includes(identifier)) fail(`${path} looks other than expected: add ${identifier} to it by hand`)
  writeFileSync(join(root, path), changed)
}
for (const [template, path] of Object.entries(places)) {
  const text = readFileSync(join(templates, template), 'utf8')
    .replaceAll('__model_type__', modelType)
    .replaceAll('__identifier__', identifier)
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
  console.log(`new      ${path}`)
}
edit('packages/backbones/src/families.ts', (text) =>
  addLine(text, /^import .* from '\.\//, `import { ${identifier} } from './${modelType}.ts'`).replace(
    /(backboneFamilies[^\n]*\[[^\]]*?),?\s*\]$/m,
    `$1, ${identifier}]`,
  ),
)
edit('packages/backbones/src/index.ts', (text) =>
  addLine(text, /^export \{/, `export { ${identifier} } from './${modelType}.ts'`),
)
console.log('changed  packages/backbones/src/families.ts, packages/backbones/src/index.ts')
console.log(`
Next:
  1. python3 ${places['make_golden.py']} packages/backbones/fixtures/${modelType}
     (pip install torch transformers; set SETTINGS to what is unusual about the model)
  2. npx vitest run packages/backbones/src/${modelType}.test.ts
     and make ${places['family.ts']} equal to the original; the first failing layer tells where
  3. fill in ${places['page.md']}, then pnpm typecheck && pnpm lint`)
