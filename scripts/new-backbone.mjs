/**
 * `pnpm new:backbone <model_type>`: everything a backbone family touches, from the templates in templates/backbone.
 *
 * The new family is Llama's block under another name, and passes every law of the kit at once; its golden test fails until the
 * script beside it has been run and the differences are written down. docs/contributing-a-backbone.md walks through one.
 */
import { readName, writeFamily } from './scaffold.mjs'

const usage = 'usage: pnpm new:backbone <model_type>      model_type as in config.json, e.g. mistral'
const { name: modelType, root } = readName(usage, 'model_type')
const identifier = modelType.replaceAll(/[.-]/g, '_')
const places = {
  'family.ts': `packages/backbones/src/${modelType}.ts`,
  'family.test.ts': `packages/backbones/src/${modelType}.test.ts`,
  'make_golden.py': `docs/goldens/make_${modelType}.py`,
  'page.md': `docs/backbones/${modelType}.md`,
  'changeset.md': `.changeset/backbone-${modelType}.md`,
}
writeFamily({
  root,
  what: 'model_type',
  templates: 'backbone',
  places,
  words: { model_type: modelType, identifier },
  list: 'backboneFamilies',
  source: 'packages/backbones/src',
  identifier,
  file: modelType,
})
console.log(`
Next:
  1. python3 ${places['make_golden.py']} packages/backbones/fixtures/${modelType}
     (pip install torch transformers; set SETTINGS to what is unusual about the model)
  2. npx vitest run packages/backbones/src/${modelType}.test.ts
     and make ${places['family.ts']} equal to the original; the first failing layer tells where
  3. write what is marked TO WRITE in ${places['page.md']}, ${places['family.ts']} and ${places['changeset.md']}
  4. pnpm typecheck && pnpm lint       lint says what is missing until all of it is there`)
