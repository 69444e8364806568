/** `casa convert --detect`: a model under names that nobody knows, found out, and converted back to the same bytes. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { casa } from '../fixtures/casa.ts'
import { writeTinyModel } from '../fixtures/tiny-model.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'casa-detect-'))
  await writeTinyModel(join(folder, 'model'))
  const away = [
    ['^model\\.layers\\.(\\d+)\\.self_attn\\.(.*)$', 'lm.blocks.$1.attention.$2'],
    ['^model\\.(.*)$', 'lm.$1'],
    ['^casa\\.layers\\.(\\d+)\\.(.*)$', 'lm.blocks.$1.xa.$2'],
    ['^vision\\.(.*)$', 'image_prefix.enc.$1'],
  ]
  await writeFile(join(folder, 'away.json'), JSON.stringify(away))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('prints what the tensors are, and writes a names file that convert reads', { timeout: 180_000 }, async () => {
  const quiet = ['--quiet', '--names']
  expect(await casa(['convert', 'model', 'odd', ...quiet, 'away.json'], { cwd: folder })).toMatchObject({ code: 0 })
  const detected = await casa(['convert', 'odd', 'names.json', '--detect'], { cwd: folder })
  expect(detected).toMatchObject({
    code: 0,
    said: expect.stringMatching(
      /CASA layer +casa\.layers\.\*\.q_proj\.weight +<- +lm\.blocks\.\*\.xa\.q_proj\.weight +2 x \[16, 16\]\n/,
    ),
  })
  expect(detected.said).toMatch(/\d+ explained, 0 of them a guess among tensors of one shape; 0 missing, 0 unexplained/)
  expect(await casa(['convert', 'odd', 'back', ...quiet, 'names.json'], { cwd: folder })).toMatchObject({ code: 0 })
  const bytes = (name: string) => readFile(join(folder, name, 'model.safetensors'))
  expect((await bytes('back')).equals(await bytes('model'))).toBe(true)
})

it('needs no config: its sizes are inferred, and heads are asked for', { timeout: 180_000 }, async () => {
  await casa(['convert', 'model', 'bare', '--quiet', '--names', 'away.json'], { cwd: folder })
  await rm(join(folder, 'bare', 'config.json'))
  const detect = ['convert', 'bare', 'found.json', '--detect']
  const asked = await casa(detect, { cwd: folder })
  expect(asked).toMatchObject({
    code: 0,
    said: expect.stringMatching(/llama: 2 blocks, width 16, feed-forward 32, \d+ tokens\n/),
  })
  expect(asked.said).toMatch(/not in the shapes: num_attention_heads: queries of 16 and keys of \d+ rows[^]*give --heads N/)
  const told = await casa([...detect, '--force', '--heads', '2'], { cwd: folder })
  expect(told.said).toMatch(/found\.config\.json: written/)
  const names = ['--quiet', '--names', 'found.json', '--config', 'found.config.json']
  expect(await casa(['convert', 'bare', 'again', ...names], { cwd: folder })).toMatchObject({ code: 0 })
  const bytes = (name: string) => readFile(join(folder, name, 'model.safetensors'))
  expect((await bytes('again')).equals(await bytes('model'))).toBe(true)
  const info = await casa(['info', 'again'], { cwd: folder })
  expect(info).toMatchObject({ code: 0, said: expect.stringMatching(/casa_vit/) })
})
