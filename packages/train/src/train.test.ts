/** Complete runs of a small program: in one thread and over workers, stopped, resumed, failing. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DivergedError } from './errors.ts'
import type { RunEvent } from './events.ts'
import { toyRun, type ToyRun } from './fixtures/toy-run.ts'
import { findCheckpoint, readMetrics, train } from './node.ts'

let out: string
beforeEach(async () => void (out = await mkdtemp(join(tmpdir(), 'casa-train-'))))
afterEach(() => rm(out, { recursive: true, force: true }))

const options = (changes: ToyRun = {}) => toyRun({ out, ...changes })

async function collect(run: AsyncIterable<RunEvent>): Promise<RunEvent[]> {
  const events: RunEvent[] = []
  for await (const event of run) events.push(event)
  return events
}
const losses = (events: RunEvent[]) => events.flatMap((event) => (event.kind === 'step' ? [event.loss] : []))
const weights = async (step: number) =>
  readFile(join(out, 'checkpoints', `step-${String(step).padStart(8, '0')}`, 'weights.safetensors'))

describe('a run', () => {
  it('learns, tells of every update, and keeps the newest two checkpoints', async () => {
    const events = await collect(train(options({ steps: 60 })))
    const curve = losses(events)
    expect(curve).toHaveLength(60)
    expect(curve.at(-1)!).toBeLessThan(curve[0]! * 0.8)
    expect(events[0]).toMatchObject({ kind: 'start', step: 0, steps: 60, workers: 1, parameters: 12 * 24 + 24 + 24 * 5 })
    expect(events.at(-1)).toEqual({ kind: 'end', step: 60, stopped: false })
    await weights(60)
    await weights(56)
    await expect(weights(52)).rejects.toThrow(/ENOENT/)
    const rows = await readMetrics(join(out, 'metrics.jsonl'))
    expect(rows.flatMap((row) => (row.kind === 'step' ? [row.loss] : []))).toEqual(curve)
    expect(rows.flatMap((row) => (row.kind === 'checkpoint' ? [row.step] : []))).toEqual(
      Array.from({ length: 15 }, (_, i) => 4 * i + 4),
    )
    expect(rows.at(-1)).toMatchObject({ kind: 'evaluation', step: 60, accuracy: { toy: { total: 4 } } })
  })

  it('hears of a signal while it works, not at the end', async () => {
    const controller = new AbortController()
    const run = train({ ...options({ steps: 4000, out: undefined }), signal: controller.signal })
    setTimeout(() => controller.abort(), 200)
    const events = await collect(run)
    expect(events.at(-1)).toMatchObject({ kind: 'end', stopped: true })
    expect(losses(events).length).toBeLessThan(4000)
  })

  it.each([1, 2])(
    'with %i workers follows one thread, stops when asked, and resumes to the same bytes',
    { timeout: 180_000 },
    async (workers) => {
      const alone = losses(await collect(train(options({ out: undefined }))))
      const whole = await collect(train(options({ workers })))
      losses(whole).forEach((loss, step) => expect(loss).toBeCloseTo(alone[step]!, 5))
      expect(whole.find(({ kind }) => kind === 'evaluation')).toMatchObject({ accuracy: { toy: { total: 4 } } })
      const told = whole.flatMap((event) => (event.kind === 'evaluating' ? [[event.answered, event.total]] : []))
      expect(told).toEqual(Array.from({ length: 4 / workers }, (_, answered) => [answered, 4 / workers]))
      const wanted = await weights(12)
      await rm(out, { recursive: true })

      const controller = new AbortController()
      const stopped: RunEvent[] = []
      for await (const event of train(options({ workers, toy: { delayMs: 60 }, signal: controller.signal }))) {
        stopped.push(event)
        if (event.kind === 'step' && event.step === 4) controller.abort()
      }
      const end = stopped.at(-1)!
      expect(end).toMatchObject({ kind: 'end', stopped: true })
      expect(end.step).toBeLessThan(12)
      const resumed = await collect(train(options({ workers, resume: true })))
      expect(resumed[0]).toMatchObject({ kind: 'start', step: end.step })
      expect([...losses(stopped), ...losses(resumed)]).toEqual(losses(whole))
      expect((await weights(12)).equals(wanted)).toBe(true)
      const rows = await readMetrics(join(out, 'metrics.jsonl'))
      expect(rows.filter(({ kind }) => kind === 'step').map(({ step }) => step)).toEqual(
        Array.from({ length: 12 }, (_, step) => step),
      )
    },
  )

  it('goes on with another number of workers, from moments that are whole in neither', { timeout: 180_000 }, async () => {
    const flat = (steps: number, changes: ToyRun = {}) => {
      const run = options({ steps, ...changes })
      run.loop.schedule = { steps, warmup: 3, cooldown: 0 }
      return run
    }
    const alone = losses(await collect(train(flat(9, { out: undefined }))))
    const curve: number[] = []
    for (const [steps, workers] of [
      [3, 2],
      [6, 1],
      [9, 2],
    ] as const)
      curve.push(...losses(await collect(train(flat(steps, { workers, resume: true })))))
    expect(curve).toHaveLength(9)
    curve.forEach((loss, step) => expect(loss).toBeCloseTo(alone[step]!, 5))
  })

  it('does not write over a run, nor resume under another config', async () => {
    await collect(train(options({ steps: 4 })))
    await expect(collect(train(options({ steps: 8 })))).rejects.toThrow(/holds a run of 4 updates: continue it with --resume/)
    const other = options({ steps: 8, resume: true })
    other.loop.config = { fixed: { toy: false }, tunable: {} }
    await expect(collect(train(other))).rejects.toThrow(/made with another toy/)
    const warnings: string[] = []
    const tuned = options({ steps: 8, resume: true, onWarning: (message) => warnings.push(message) })
    tuned.loop.config = { fixed: { toy: true }, tunable: { rate: 2 } }
    expect((await collect(train(tuned)))[0]).toMatchObject({ kind: 'start', step: 4 })
    expect(warnings).toEqual([expect.stringMatching(/^changed since .*step-00000004: rate$/)])
  })
})

describe('trouble', { timeout: 180_000 }, () => {
  it.each([1, 2])('a loss of NaN names step and examples and leaves the last checkpoint (%i workers)', async (workers) => {
    const error = await collect(train(options({ workers, toy: { poisonAfter: 6 } }))).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(DivergedError)
    expect(error).toMatchObject({
      step: 6,
      message: expect.stringMatching(/step 6: the loss is NaN\. Examples of the batch: toy-[01]-6/),
    })
    expect((await findCheckpoint(out))!.state.step).toBe(4)
  })
  it('a worker that throws ends the run with its own error', async () => {
    const run = collect(train(options({ workers: 2, toy: { failAt: { batch: 3, how: 'throw' } } })))
    await expect(run).rejects.toThrow('the toy program was told to fail here')
  })
  it.each([3, 0])('a worker that ends with code %i ends the run, also after a stop request', async (code) => {
    const toy = { failAt: { batch: 3, how: 'exit' as const, code } }
    await expect(collect(train(options({ workers: 2, toy })))).rejects.toThrow(
      `worker 1 ended with code ${code} before its work was done`,
    )
    await rm(out, { recursive: true })
    const stop = new AbortController()
    const run = async () => {
      for await (const event of train(options({ workers: 2, toy: { ...toy, delayMs: 30 }, signal: stop.signal }))) {
        if (event.kind === 'step' && event.step === 2) stop.abort()
      }
    }
    // Either the stop request reaches the ranks before the worker ends, or the run says that it ended; it never waits for it.
    await run().catch((error: Error) => expect(error.message).toMatch(`worker 1 ended with code ${code}`))
  })
  it('a wrong number of workers is named', async () => {
    await expect(collect(train(options({ workers: 3 })))).rejects.toThrow(/workers: 3 workers cannot share 2 micro-batches/)
    await expect(collect(train(options({ workers: 2, device: 'webgpu' })))).rejects.toThrow(/one device takes all the work/)
  })
})
