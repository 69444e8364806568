/** What `pnpm new:backbone` and `pnpm new:fusion` share: files from templates, and a line in the lists of families. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('..', import.meta.url))

function fail(message) {
  console.error(message)
  process.exit(1)
}

/** The one name that the command was given, and where to write; ends the process where it is missing or wrong. */
export function readName(usage, what) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { root: { type: 'string', default: repository }, help: { type: 'boolean', short: 'h' } },
  })
  if (values.help) {
    console.log(usage)
    process.exit(0)
  }
  const [name, ...rest] = positionals
  if (!name || rest.length > 0) fail(usage)
  if (!/^[a-z][a-z0-9_.-]*$/.test(name))
    fail(`"${name}" is not a ${what}: expected lower-case letters, digits, _ and -, starting with a letter\n${usage}`)
  return { name, root: values.root }
}

/** Put `line` after the last line that looks like its kind. */
export function addLine(text, kind, line) {
  const lines = text.split('\n')
  const last = lines.findLastIndex((l) => kind.test(l))
  lines.splice(last + 1, 0, line)
  return lines.join('\n')
}

/**
 * Write a family: its files, and its lines in families.ts and index.ts.
 *
 * @param root where; @param what for messages; @param templates their folder in scripts/templates; @param places template -> path
 * @param words __word__ of a template -> what stands for it; @param list the name of the list; @param source the package's src folder
 * @param identifier the family's variable; @param file its file in `source`, without .ts
 */
export function writeFamily({ root, what, templates, places, words, list, source, identifier, file }) {
  const taken = Object.values(places).find((path) => existsSync(join(root, path)))
  if (taken) fail(`${taken} exists: choose another ${what}, or remove it first`)
  for (const [template, path] of Object.entries(places)) {
    let text = readFileSync(join(repository, 'scripts/templates', templates, template), 'utf8')
    for (const [word, value] of Object.entries(words)) text = text.replaceAll(`__${word}__`, value)
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
    console.log(`new      ${path}`)
  }
  const edit = (name, change) => {
    const path = `${source}/${name}`
    const text = readFileSync(join(root, path), 'utf8')
    const changed = change(text)
    if (!changed.includes(identifier)) fail(`${path} looks other than expected: add ${identifier} to it by hand`)
    writeFileSync(join(root, path), changed)
  }
  const inList = new RegExp(`(${list}[^\\n]*\\[[^\\]]*?),?\\s*\\]$`, 'm')
  edit('families.ts', (text) =>
    addLine(text, /^import .* from '\.\//, `import { ${identifier} } from './${file}.ts'`).replace(inList, `$1, ${identifier}]`),
  )
  edit('index.ts', (text) => addLine(text, /^export \{/, `export { ${identifier} } from './${file}.ts'`))
  console.log(`changed  ${source}/families.ts, ${source}/index.ts`)
}
