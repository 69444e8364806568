/**
 * `pnpm new:fusion <kind>`: everything a fusion touches, from the templates in templates/fusion.
 *
 * The new fusion is cross-attention with the block's own projections, and passes every law of the kit at once.
 * docs/contributing-a-fusion.md walks through one.
 */
import { readName, writeFamily } from './scaffold.mjs'

const usage = 'usage: pnpm new:fusion <kind>      kind as in fusion_config, e.g. gated-cross-attention'
const { name: kind, root } = readName(usage, 'kind')
const identifier = kind.replaceAll(/[_.-]+([a-z0-9])?/g, (_, letter = '') => letter.toUpperCase())
const places = {
  'fusion.ts': `packages/casa/src/${kind}.ts`,
  'fusion.test.ts': `packages/casa/src/${kind}.test.ts`,
  'page.md': `docs/fusions/${kind}.md`,
  'changeset.md': `.changeset/fusion-${kind}.md`,
}
writeFamily({
  root,
  what: 'kind',
  templates: 'fusion',
  places,
  words: { kind, identifier, Name: identifier[0].toUpperCase() + identifier.slice(1) },
  list: 'fusionFamilies',
  source: 'packages/casa/src',
  identifier,
  file: kind,
})
console.log(`
Next:
  1. npx vitest run packages/casa/src/${kind}.test.ts
     and change ${places['fusion.ts']} into what the paper says; a law that fails names the likely cause
  2. fill in ${places['page.md']}, then pnpm typecheck && pnpm lint`)
