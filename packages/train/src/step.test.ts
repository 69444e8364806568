/** Properties of one update: how tokens are split into micro-batches does not matter, frozen weights stay, no tensor leaks. */
import type { BatchStream } from '@casa-js/data'
import { close, dispose, init, memory, type DeviceName } from '@casa-js/tensor'
import { afterAll, describe, expect, it } from 'vitest'
import { createProgram } from './fixtures/toy-program.ts'
import { groupWeights, type GroupRule } from './groups.ts'
import { runLoop } from './loop.ts'
import { Adamw } from './optimizer.ts'
import { solo } from './parallel/collective.ts'
import type { Program } from './program.ts'
import { trainStep } from './step.ts'

afterAll(close)

const groups: GroupRule[] = [{ name: 'all', match: ['*'], learningRate: 0.01 }]

/** Rows of the toy program's data, as one micro-batch. */
interface Rows {
  x: Float32Array
  targets: Int32Array
}

async function firstRows(program: Program, rows: number): Promise<Rows> {
  const { batch } = (await (await program.stream(0, 1)).next(0)) as { batch: Rows }
  return { x: batch.x.slice(0, rows * 12), targets: batch.targets.slice(0, rows) }
}

const cut = ({ x, targets }: Rows, begin: number, end: number): Rows => ({
  x: x.slice(begin * 12, end * 12),
  targets: targets.slice(begin, end),
})

const streamOf = (batch: Rows): BatchStream<unknown> => ({
  next: async () => ({ batch, examples: ['rows'], tokens: batch.targets.length, counted: batch.targets.length }),
  position: () => [],
  seek: () => {},
})

/** Weights after three updates on these micro-batches. */
async function weightsAfter(batches: (all: Rows) => Rows[], freeze?: string[]): Promise<Record<string, Float32Array>> {
  const program = createProgram({ rows: 12 })
  const streams = batches(await firstRows(program, 12)).map(streamOf)
  const optimizer = new Adamw(groupWeights(program.params, groups, freeze))
  const context = {
    program: program as Program,
    streams,
    optimizer,
    collective: solo,
    schedule: { steps: 3, warmup: 0, cooldown: 0 },
    clip: 0.5,
    stopRequested: () => false,
  }
  for (let step = 0; step < 3; step++) await trainStep(context, step)
  const values: Record<string, Float32Array> = {}
  for (const [name, tensor] of Object.entries(program.params)) values[name] = (await tensor.data()) as Float32Array
  optimizer.dispose()
  dispose(...Object.values(program.params))
  return values
}

describe.each<DeviceName>(['cpu', 'wasm'])('on %s', (device) => {
  it('every counted token weighs the same, however they fall into micro-batches', async () => {
    await init({ device })
    const whole = await weightsAfter((all) => [all])
    const parts = await weightsAfter((all) => [cut(all, 0, 1), cut(all, 1, 5), cut(all, 5, 12)])
    for (const [name, values] of Object.entries(whole))
      values.forEach((value, i) => expect(parts[name]![i]).toBeCloseTo(value, 5))
  })

  it('frozen weights stay as they are', async () => {
    await init({ device })
    const start = createProgram({ rows: 1 })
    const before = (await start.params['old.hidden.weight']!.data()) as Float32Array
    dispose(...Object.values(start.params))
    const after = await weightsAfter((all) => [all], ['old.*'])
    expect(after['old.hidden.weight']).toEqual(before)
    expect(after['new.output.weight']).not.toEqual((await weightsAfter((all) => [all]))['new.output.weight'])
  })

  it('1,000 updates leave the number of tensors and bytes where the first left it', async () => {
    const report = await init({ device })
    const program = createProgram({ rows: 3 })
    const options = { schedule: { steps: 1000, warmup: 10, cooldown: 10 }, groups, shards: 2, config: { fixed: {}, tunable: {} } }
    const seen = new Set<string>()
    for await (const event of runLoop(options, {
      program: program as Program,
      collective: solo,
      device: report,
      stopRequested: () => false,
      warn: () => {},
    })) {
      if (event.kind === 'step') seen.add(JSON.stringify(memory()))
    }
    expect(seen.size).toBe(1)
    dispose(...Object.values(program.params))
  })
})
