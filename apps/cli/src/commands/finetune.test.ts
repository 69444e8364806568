/** `casa finetune` as a process: folders of drawn pictures, the shipped model, a question about a new one; and its refusals. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodePng } from '@casa-js/vision'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { casa } from '../fixtures/casa.ts'

const sizePx = 96
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'casa-finetune-'))
  for (const shape of ['disc', 'upright_bar'])
    for (let i = 0; i < 4; i++) {
      await mkdir(join(folder, 'shapes', shape), { recursive: true })
      await writeFile(join(folder, 'shapes', shape, `${i}.png`), await draw(shape, i))
    }
  await writeFile(join(folder, 'new.png'), await draw('disc', 5))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A disc or a bar of another size, place and colour each time. */
function draw(shape: string, i: number): Promise<Uint8Array> {
  const data = new Uint8Array(3 * sizePx * sizePx).fill(235)
  const [x0, y0, radius] = [42 + 3 * i, 52 - 3 * i, 22 + 3 * i]
  for (let at = 0; at < sizePx * sizePx; at++) {
    const [dx, dy] = [(at % sizePx) - x0, Math.floor(at / sizePx) - y0]
    const isInside = shape === 'disc' ? Math.hypot(dx, dy) < radius : Math.abs(dx) < radius / 3 && Math.abs(dy) < 1.4 * radius
    if (isInside) data.set([40 + 30 * i, 60, 200 - 30 * i], 3 * at)
  }
  return encodePng({ widthPx: sizePx, heightPx: sizePx, data })
}

it('learns what is in folders, answers what was held out, and goes on later', { timeout: 240_000 }, async () => {
  const options = ['--out', 'own', '--steps', '10', '--device', 'wasm']
  const run = await casa(['finetune', 'shapes', ...options], { cwd: folder })
  expect(run).toMatchObject({ code: 0, said: expect.stringContaining('6 pictures to learn from, 2 held out; 2 answers') })
  expect(run.said).toContain('held out after 0 steps')
  expect(run.said).toMatch(/2 of 2 held-out pictures are answered right\n {2}right {2}disc\/3\.png: .*disc\n/)
  expect(JSON.parse(await readFile(join(folder, 'own', 'run.json'), 'utf8'))).toMatchObject({ steps: 10, out: '.' })
  await readFile(join(folder, 'own', 'report.html'))

  const asked = await casa(['ask', 'new.png', 'What is this?', '--model', 'own/model'], { cwd: folder })
  expect(asked).toMatchObject({ code: 0, said: expect.stringMatching(/^disc$/m) })

  expect(await casa(['finetune', 'shapes', ...options], { cwd: folder })).toMatchObject({
    code: 1,
    said: expect.stringContaining('own holds a run already: go on with --resume'),
  })
  const more = await casa(['finetune', 'shapes', '--out', 'own', '--resume', '--steps', '11'], { cwd: folder })
  expect(more).toMatchObject({ code: 0, said: expect.stringContaining('from step 10 to step 11') })
})

it('says what is wrong, and writes nothing', async () => {
  await mkdir(join(folder, 'loose'))
  await writeFile(join(folder, 'loose', 'a.png'), await draw('disc', 0))
  const refused = async (args: string[]) => {
    const { code, said } = await casa(['finetune', ...args], { cwd: folder })
    expect(code).toBe(1)
    return said
  }
  expect(await refused(['loose', '--out', 'other'])).toContain('nothing says what these 1 files show')
  expect(await refused(['none', '--out', 'other'])).toContain('there is no such folder')
  expect(await refused(['shapes', '--out', 'shapes'])).toContain('which is read')
  expect(await refused(['shapes', '--out', 'loose'])).toContain('a folder that casa did not make')
})
