import { afterEach, describe, expect, it } from 'vitest'
import { ArgumentError, DeviceLostError } from '@casa-js/base'
import * as ops from '../../index.ts'
import { randomValues } from '../../testing/random.ts'
import { kernelNames, type KernelModule } from './exports.ts'
import { sharing } from './kernel.ts'
import { ThreadPool, type Thread } from './thread-pool.ts'
import { startThread } from './threads.node.ts'

const { workPerThread } = sharing

afterEach(async () => {
  sharing.workPerThread = workPerThread
  await ops.close()
})

const random = (shape: number[], seed: number) =>
  ops.tensor(
    randomValues(
      shape.reduce((a, b) => a * b),
      seed,
    ),
    shape,
  )

/** Every kernel that threads split, on one set of inputs. */
async function results(): Promise<Float32Array[]> {
  const found = ops.scope(() => {
    const [x, row, w] = [random([70, 96], 1), random([1, 96], 2), random([130, 96], 3)]
    const int4 = ops.createCompressedQuantizedWeight(ops.quantize(randomValues(130 * 96, 3), [130, 96], { bits: 4 }))
    const [q, k] = [random([70, 4, 24], 4), random([90, 2, 24], 5)]
    const boundaries = { cuQ: Int32Array.of(0, 20, 70), cuK: Int32Array.of(0, 20, 90), causal: true }
    const { gradients } = ops.valueAndGradients(() => ops.mean(ops.linear(x, w)), [x, w])
    return [
      ...[ops.linear(x, w), ops.linear(row, w), ops.linear(x, int4), ops.linear(row, int4)],
      ...[ops.attention(q, k, k, boundaries), ops.swiglu(x, x), ops.rmsNorm(x, random([96], 6), { eps: 1e-5 })],
      ...gradients,
    ]
  })
  const values = await Promise.all(found.map(async (t) => (await t.data()).slice() as Float32Array))
  ops.dispose(...found)
  return values
}

describe('wasm on several threads', () => {
  it('reports how many threads, and why', async () => {
    const report = await ops.init({ device: 'wasm', threads: 3 })
    expect(report).toMatchObject({ threads: 3, reason: 'asked for wasm; 3 threads: asked for' })
    await expect(ops.init({ device: 'wasm' })).resolves.toMatchObject({ threads: 3 })
  })

  it.each([0, 1.5, 65, NaN])('refuses %s threads', async (threads) => {
    const starting = ops.init({ device: 'wasm', threads })
    await expect(starting).rejects.toThrow(`threads must be an integer in 1 .. 64, got ${threads}`)
    await expect(starting).rejects.toThrow(ArgumentError)
  })

  it('gives the same bits on every run, and matches one thread up to rounding', async () => {
    sharing.workPerThread = 1
    await ops.init({ device: 'wasm', threads: 3 })
    const first = await results()
    for (let run = 0; run < 30; run++) expect(await results()).toEqual(first)
    await ops.close()
    await ops.init({ device: 'wasm', threads: 1 })
    const alone = await results()
    alone.forEach((values, i) => values.forEach((value, at) => expect(first[i]![at]).toBeCloseTo(value, 4)))
  })

  it('keeps working when the heap grows', async () => {
    sharing.workPerThread = 1
    await ops.init({ device: 'wasm', threads: 3 })
    const first = await results()
    const large = ops.zeros([64, 2 ** 20])
    expect(await results()).toEqual(first)
    ops.dispose(large)
  })
})

/** A pool on a memory of its own. */
async function pool(start: (data: Parameters<typeof startThread>[0]) => Thread): Promise<ThreadPool> {
  const { readFile } = await import('node:fs/promises')
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536, shared: true })
  const module = await WebAssembly.compile(await readFile(new URL('../../../build/kernels-shared.wasm', import.meta.url)))
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } })
  return new ThreadPool(2, exports as KernelModule, { module, memory }, start)
}

describe('a lost thread', () => {
  it('throws DeviceLostError when a kernel fails in it, and on every later call', async () => {
    const threads = await pool(startThread)
    const nothing = [0, 0, 0]
    threads.run('copyBytes', [nothing, nothing])
    const beyondTheMemory = [0, 2 ** 30, 4]
    expect(() => threads.run('copyBytes', [nothing, beyondTheMemory])).toThrow(
      'wasm: thread 1 failed in copyBytes. close(), init() and load again.',
    )
    expect(() => threads.run('copyBytes', [nothing, nothing])).toThrow(DeviceLostError)
    await threads.stop()
  })

  it('throws DeviceLostError when the thread exits on its own', async () => {
    const started: ((why: string) => void)[] = []
    const threads = await pool(() => ({
      ready: Promise.resolve(),
      onEnd: (report) => void started.push(report),
      stop: async () => {},
    }))
    started[0]!('exit code 1')
    expect(() => threads.run('copyBytes', [[0, 0, 0]])).toThrow('wasm: thread 1 ended: exit code 1')
    await threads.stop()
  })

  it('knows every kernel by its number', () => {
    expect(new Set(kernelNames).size).toBe(kernelNames.length)
  })
})
