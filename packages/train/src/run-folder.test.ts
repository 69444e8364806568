/** What happens to a run's folder when a run is refused, cannot start, or has invalid options. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RunEvent } from './events.ts'
import { toyRun, type ToyRun } from './fixtures/toy-run.ts'
import { readMetrics, train } from './node.ts'

let root: string
let out: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'casa-run-folder-'))
  out = join(root, 'run')
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function run(changes: ToyRun = {}): Promise<RunEvent[]> {
  const events: RunEvent[] = []
  for await (const event of train(toyRun({ out, ...changes }))) events.push(event)
  return events
}

/** Every file below a folder, with its content. */
async function contents(folder: string): Promise<Record<string, string>> {
  const all: Record<string, string> = {}
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile()) all[path.slice(folder.length + 1)] = (await readFile(path)).toString('base64')
  }
  return all
}

describe('a folder that is not a run', () => {
  it('is left as it is, unless forced; then other files stay', async () => {
    await mkdir(join(out, 'model'), { recursive: true })
    await writeFile(join(out, 'model', 'thesis.txt'), 'mine')
    await writeFile(join(out, 'metrics.jsonl'), 'also mine')
    const before = await contents(out)
    await expect(run()).rejects.toThrow(
      /casa did not make and holds metrics\.jsonl, model.*--force: it replaces metrics\.jsonl, model/,
    )
    expect(await contents(out)).toEqual(before)
    await run({ force: true, steps: 4 })
    expect(await readFile(join(out, 'model', 'thesis.txt'), 'utf8')).toBe('mine')
  })

  it('is marked once a run has started, and then is known', async () => {
    await run({ steps: 4 })
    expect(JSON.parse(await readFile(join(out, 'casa-folder.json'), 'utf8'))).toMatchObject({ kind: 'training run' })
    await rm(join(out, 'casa-folder.json'))
    expect((await run({ steps: 8, resume: true }))[0]).toMatchObject({ step: 4 })
  })
})

describe('a run that is refused', () => {
  it('has changed nothing: forgotten --resume, with other files of its own', async () => {
    await run({ steps: 4, files: { 'tokenizer.json': 'first' } })
    const before = await contents(out)
    await expect(run({ steps: 8, files: { 'tokenizer.json': 'second' } })).rejects.toThrow(/continue it with --resume/)
    expect(await contents(out)).toEqual(before)
    expect(Buffer.from(before['tokenizer.json']!, 'base64').toString()).toBe('first')
  })

  it('leaves no folder when its program cannot be built', async () => {
    const broken = toyRun({ out, files: { 'tokenizer.json': 'x' } })
    broken.loop.groups = [{ name: 'none', match: ['absent.*'], learningRate: 1 }]
    await expect(async () => {
      for await (const _ of train(broken)) void _
    }).rejects.toThrow(/absent/)
    expect(await readdir(root)).toEqual([])
  })

  it('with fewer steps than are done says so and prunes nothing', async () => {
    await run({ steps: 12 })
    const before = await contents(out)
    await expect(run({ steps: 6, resume: true })).rejects.toThrow(/steps: the run in .* has made 12 updates, more than the 6/)
    expect(await contents(out)).toEqual(before)
    // As many steps as are done: nothing to train, the outputs are written again.
    expect((await run({ steps: 12, resume: true })).map(({ kind }) => kind)).not.toContain('step')
  })

  it.each([true, false])('when its checkpoints are gone (resume: %s), its metrics stay', async (resume) => {
    await run({ steps: 8 })
    await rm(join(out, 'checkpoints'), { recursive: true })
    const before = await contents(out)
    await expect(run({ steps: 8, resume })).rejects.toThrow(/had a checkpoint after 8 updates, but no checkpoint is there/)
    expect(await contents(out)).toEqual(before)
  })

  it('but one that was killed before its first checkpoint starts anew', async () => {
    await mkdir(out)
    await writeFile(
      join(out, 'run.lock'),
      JSON.stringify({ pid: 2 ** 30, host: 'x' }).replace('x', (await import('node:os')).hostname()),
    )
    await writeFile(join(out, 'metrics.jsonl'), '{"kind":"step","step":0,"loss":1}\n{"kind":"st')
    expect((await run({ steps: 4, resume: true }))[0]).toMatchObject({ kind: 'start', step: 0 })
    expect((await readMetrics(join(out, 'metrics.jsonl'))).filter(({ kind }) => kind === 'step')).toHaveLength(4)
  })
})

it('says when the data is not what it was', async () => {
  const warnings: string[] = []
  const onWarning = (message: string) => warnings.push(message)
  const data = { name: 'rows', length: 40, fingerprint: 'a' }
  await run({ steps: 4, toy: { data } })
  await run({ steps: 8, toy: { data }, resume: true, onWarning })
  expect(warnings).toEqual([])
  await run({ steps: 12, toy: { data: { ...data, length: 38, fingerprint: 'b' } }, resume: true, onWarning })
  expect(warnings).toEqual([
    expect.stringMatching(/^since .*step-00000008 the data went from 40 to 38 examples: examples come in another order/),
  ])
  await run({ steps: 16, toy: { data: { ...data, length: 38, fingerprint: 'c' } }, resume: true, onWarning })
  expect(warnings[1]).toMatch(/the content of the data has changed/)
})
