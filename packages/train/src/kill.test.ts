/** A run that is repeatedly killed with SIGKILL at random moments ends with the same bytes as an uninterrupted one. */
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readMetrics } from './node.ts'

const STEPS = 40
const child = fileURLToPath(new URL('./fixtures/train-child.ts', import.meta.url))
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'casa-kill-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

/** When to kill: some time after the first message, or after so many reported updates. */
type Moment = { ms: number } | { updates: number }

const updatesIn = (text: string) => text.match(/^step /gm)?.length ?? 0

/** Trains in a separate process and kills it at the given moment. Returns the updates it reported and its exit code. */
function run(out: string, workers: number, kill?: Moment): Promise<{ code: number | null; steps: number; text: string }> {
  return new Promise((resolve) => {
    const process_ = spawn(process.execPath, ['--conditions=@casa-js/source', '--import', tsx, child, out, String(workers)])
    let text = ''
    const onText = (chunk: Buffer) => {
      if (text === '' && kill && 'ms' in kill) setTimeout(() => process_.kill('SIGKILL'), kill.ms)
      text += chunk
      if (kill && 'updates' in kill && updatesIn(text) >= kill.updates) process_.kill('SIGKILL')
    }
    process_.stdout.on('data', onText)
    process_.stderr.on('data', onText)
    process_.on('close', (code) => resolve({ code, steps: updatesIn(text), text }))
  })
}

/** The last checkpoint's files by name. */
async function result(out: string): Promise<Record<string, string>> {
  const last = join(out, 'checkpoints', 'step-00000040')
  const files = (await readdir(last)).sort()
  return Object.fromEntries(
    await Promise.all(files.map(async (file) => [file, (await readFile(join(last, file))).toString('hex')])),
  )
}

it.each([
  [1, 3],
  [2, 2],
])('with %i workers, %i times', { timeout: 240_000 }, async (workers, kills) => {
  const whole = join(folder, 'whole')
  expect(await run(whole, workers)).toMatchObject({ code: 0, steps: STEPS })

  const killed = join(folder, 'killed')
  const moments: number[] = []
  while (moments.length < kills) {
    moments.push(Math.floor(Math.random() * 500))
    const { code } = await run(killed, workers, { ms: moments.at(-1)! })
    if (code === 0) break
  }
  // On a slow machine all of these may fall before the first checkpoint; this one cannot.
  await run(killed, workers, { updates: 3 })
  const last = await run(killed, workers)
  expect(last.code, `after kills at ${moments} ms: ${last.text}`).toBe(0)
  expect(last.steps, `after kills at ${moments} ms`).toBeLessThan(STEPS)

  const [wanted, got] = [await result(whole), await result(killed)]
  expect(Object.keys(wanted)).toHaveLength(2 + workers)
  expect(got, `after kills at ${moments} ms`).toEqual(wanted)
  const curve = async (out: string) =>
    (await readMetrics(join(out, 'metrics.jsonl'))).map((row) => [row.kind, row.step, row.kind === 'checkpoint' || row.loss])
  expect(await curve(killed)).toEqual(await curve(whole))
})
