/** An adapter from end to end: made, trained beside its frozen base, asked together with it, and refused beside another. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { casa } from '../fixtures/casa.ts'
import { writeRun } from '../fixtures/run.ts'
import { writeTinyLanguage, writeTinyModel } from '../fixtures/tiny-model.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'casa-adapter-'))
  await writeTinyLanguage(join(folder, 'language'), 1)
  await writeTinyLanguage(join(folder, 'another'), 2)
  await writeTinyModel(join(folder, 'eyes'))
  await writeRun(folder, { steps: 2, model: { folder: 'adapter', base: 'language' } })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('is made, trained, asked, and refused beside another base', { timeout: 240_000 }, async () => {
  const from = ['adapt', 'language', '--vision', 'eyes', '--freeze-language', '--vision-blocks', '1']
  const made = await casa([...from, '--adapter', '--base-name', 'hub:someone/tiny@main', '--out', 'adapter'], { cwd: folder })
  expect(made).toMatchObject({ code: 0, said: expect.stringMatching(/adapter {4}for hub:someone\/tiny@main, which holds \d+/) })

  const trained = await casa(['train', 'run.json'], { cwd: folder })
  expect(trained).toMatchObject({ code: 0, said: expect.stringMatching(/of [\d,]+ parameters train; to step 2/) })
  const model = join(folder, 'runs', 'run', 'model')
  expect((await readdir(model)).sort()).toEqual([
    'adapter.json',
    'casa-folder.json',
    'config.json',
    'model.safetensors',
    'processor_config.json',
  ])
  const mark = async (at: string) => JSON.parse(await readFile(join(at, 'adapter.json'), 'utf8'))
  expect(await mark(model)).toEqual(await mark(join(folder, 'adapter')))

  const question = ['ask', 'dot.png', 'What?', '--model', model, '--device', 'cpu', '--max-tokens', '2', '--base']
  expect(await casa([...question, 'language'], { cwd: folder })).toMatchObject({ code: 0 })
  const refused = await casa([...question, 'another'], { cwd: folder })
  expect(refused).toMatchObject({
    code: 1,
    said: expect.stringMatching(/another.*is not the model that the adapter .* was made for \(hub:someone\/tiny@main\)/s),
  })
})
