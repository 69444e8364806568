/**
 * What a contributed backbone must carry before `pnpm lint` passes: a page that is written, and a golden of the original.
 * The scaffold marks what is left to do with "TO WRITE"; nothing of it may remain.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'

const { values } = parseArgs({ options: { root: { type: 'string', default: fileURLToPath(new URL('..', import.meta.url)) } } })
const { root } = values
const textOf = (path) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined)

const problems = []
const need = (path, problem) => problems.push(`${path}: ${problem}`)

const families = textOf('packages/backbones/src/families.ts') ?? ''
const names = [...families.matchAll(/^import .* from '\.\/([^/]+)\.ts'$/gm)].map((match) => match[1])
for (const name of names) {
  const page = `docs/backbones/${name}.md`
  const text = textOf(page)
  if (!text) need(page, `${name} has no page; scripts/templates/backbone/page.md shows what it says`)
  const golden = /^\| golden \| (.+) \|$/m.exec(text ?? '')?.[1] ?? ''
  const paths = [...golden.matchAll(/`([^`]+)`/g)].map((match) => match[1])
  if (text && paths.length === 0) need(page, 'its row "golden" names no path in `backquotes`')
  for (const path of paths) {
    if (!existsSync(join(root, path))) need(path, `this is where ${page} says that the golden is, and nothing is there`)
    else if (path.includes('/fixtures/') && !existsSync(join(root, path, 'golden.safetensors')))
      need(path, 'there is no golden.safetensors: run the script that makes it')
  }
  for (const path of [
    page,
    `packages/backbones/src/${name}.ts`,
    `docs/goldens/make_${name}.py`,
    `.changeset/backbone-${name}.md`,
  ]) {
    const line =
      textOf(path)
        ?.split('\n')
        .findIndex((each) => each.includes('TO WRITE')) ?? -1
    if (line >= 0) need(`${path}:${line + 1}`, 'still to be written')
  }
}

for (const problem of problems) console.error(problem)
console.log(problems.length === 0 ? 'contributions: complete' : `contributions: ${problems.length} things missing`)
process.exitCode = problems.length === 0 ? 0 : 1
