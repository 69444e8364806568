/** `casa train` as a process: a run of own pictures, Ctrl-C, resume, report, and its error messages. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { casa } from '../fixtures/casa.ts'
import { writeRun } from '../fixtures/run.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'casa-command-'))
  await writeRun(folder, {
    steps: 100_000,
    batch: { textTokens: 32, imageTokens: 32 },
    checkpoint: { every: 1000 },
    evaluate: { every: 100_000, data: [{ jsonl: 'rows.jsonl' }] },
    device: 'wasm',
  })
  // A run file and a module in TypeScript, and a run file with an unknown field.
  const run = await readFile(join(folder, 'run.json'), 'utf8')
  await writeFile(join(folder, 'texts.ts'), `export default (): string[] => ['What? dot']`)
  await writeFile(join(folder, 'run.ts'), `export default ${run.replace('texts.mjs', 'texts.ts')} as const`)
  await writeFile(join(folder, 'bad.json'), JSON.stringify({ ...JSON.parse(run), stepz: 3 }))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('trains, stops on Ctrl-C with a checkpoint, resumes, and writes a report', { timeout: 180_000 }, async () => {
  const first = await casa(['train', 'run.ts'], { cwd: folder, interruptAt: 'step 1/100000' })
  expect(first).toMatchObject({ code: 130, said: expect.stringContaining('device: wasm') })
  const steps = Number(/stopped after (\d+) steps; --resume goes on/.exec(first.said)?.[1])
  expect(steps).toBeGreaterThan(0)

  const second = await casa(['train', 'run.ts', '--resume', '--steps', String(steps + 3)], { cwd: folder })
  expect(second).toMatchObject({ code: 0, said: expect.stringContaining(`from step ${steps} to step ${steps + 3}`) })
  expect(second.said).toMatch(/changed since .*: steps, schedule\.warmup/)
  expect(second.said).toMatch(/held out after \d+ steps: loss .* {2}dots \d+\/12/)
  const report = await readFile(join(folder, 'runs', 'run', 'report.html'), 'utf8')
  expect(report).toContain('data:image/png;base64,')
  await readFile(join(folder, 'runs', 'run', 'model', 'model.safetensors'))
})

it('says what is wrong, and ends with 1', { timeout: 180_000 }, async () => {
  const bad = await casa(['train', 'bad.json'], { cwd: folder })
  expect(bad).toMatchObject({ code: 1, said: expect.stringContaining('bad.json: stepz: there is no such field') })
  const workers = await casa(['train', 'run.ts', '--workers', '2', '--out', 'other'], { cwd: folder })
  expect(workers).toMatchObject({ code: 1, said: expect.stringContaining('2 workers cannot share 1 micro-batch') })
})
