/** Run files that are invalid or cannot be read. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CasaError } from '@casa-js/base'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { prepareRun } from './prepare.node.ts'

let folder: string
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'casa-prepare-'))))
afterAll(() => rm(folder, { recursive: true, force: true }))

it.each([
  ['photo.png', '\x89PNG', /photo\.png: this is no run file: expected run\.ts, run\.js or run\.json/],
  ['list.json', '[1]', /list\.json: expected an object/],
  ['nothing.json', 'null', /nothing\.json: expected an object/],
  ['torn.json', '{"model":', /torn\.json: not JSON/],
  ['empty.mjs', '', /empty\.mjs: expected `export default defineRun/],
  ['wrong.mjs', 'export default [', /wrong\.mjs: this run file cannot be loaded: /],
  ['text.json', '{"model": "llama", "data": 3, "steps": 1}', /text\.json: model/],
  ['null-model.json', '{"model": null, "steps": 1}', /null-model\.json: model/],
])('%s is refused by name', async (name, content, message) => {
  const path = join(folder, name)
  await writeFile(path, content)
  const error = await prepareRun(path).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(CasaError)
  expect((error as Error).message).toMatch(message)
})

it.each(['absent.json', 'absent.mjs'])('%s, which is not there, is refused by name', async (name) => {
  await expect(prepareRun(join(folder, name))).rejects.toThrow(name)
})

it('a tokenizer that is trained for a run is written by the run, not before', async () => {
  await writeFile(join(folder, 'words.mjs'), `export default () => ['one two three']`)
  const path = join(folder, 'run.json')
  const config = { model_type: 'casa_vlm', text_config: { model_type: 'llama' } }
  const model = { config, tokenizer: { corpus: { module: './words.mjs' }, vocabSize: 264 } }
  const data = { jsonl: 'rows.jsonl' }
  await writeFile(path, JSON.stringify({ model, data, batch: { textTokens: 8, imageTokens: 8 }, steps: 2, out: 'out' }))
  const { options } = await prepareRun(path)
  expect(existsSync(join(folder, 'out'))).toBe(false)
  expect(Object.keys(options.files!)).toEqual(['tokenizer.json'])
  expect(JSON.parse(options.files!['tokenizer.json']!)).toMatchObject({ model: { type: 'BPE' } })
})

it('weights of another model are taken by pattern, from a folder beside the run file', async () => {
  await writeFile(join(folder, 'words.mjs'), `export default () => ['one two three']`)
  const path = join(folder, 'from.json')
  const written = {
    model: {
      config: { model_type: 'casa_vlm', text_config: { model_type: 'llama' } },
      tokenizer: { corpus: { module: './words.mjs' }, vocabSize: 264 },
      from: { folder: 'other', match: ['vision.*'] },
    },
    data: { jsonl: 'rows.jsonl' },
    batch: { textTokens: 8, imageTokens: 8 },
    steps: 2,
  }
  await writeFile(path, JSON.stringify(written))
  const { run } = await prepareRun(path)
  expect(run.model).toMatchObject({ from: { folder: join(folder, 'other'), match: ['vision.*'] } })
  const wrong = { ...written, model: { ...written.model, from: { folder: 'other', match: [] } } }
  await expect(prepareRun(path, { definition: wrong as never })).rejects.toThrow(
    /model: from: match: expected a list of patterns/,
  )
})
