import { afterEach, describe, expect, it } from 'vitest'
import { ArgumentError, DeviceLostError } from '@casa-js/base'
import * as ops from '../../index.ts'
import { randomValues } from '../../testing/random.ts'
import { kernelNames, type KernelModule } from './exports.ts'
import { sharing } from './kernel.ts'
import { writeRegion } from './regions.ts'
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
    const [x, row, few, w] = [random([70, 96], 1), random([1, 96], 2), random([4, 96], 7), random([130, 96], 3)]
    const int4 = ops.createCompressedQuantizedWeight(ops.quantize(randomValues(130 * 96, 3), [130, 96], { bits: 4 }))
    const bf16 = ops.createCompressedWeight(
      ops.joinHalves(Uint16Array.from({ length: 130 * 96 }, (_, i) => 0x3f80 + (i % 99))),
      [130, 96],
      'bf16',
    )
    const [q, k, lone] = [random([70, 4, 24], 4), random([90, 2, 24], 5), random([1, 4, 24], 8)]
    const [two, many] = [
      { cuQ: Int32Array.of(0, 20, 70), cuK: Int32Array.of(0, 20, 90), causal: true },
      { cuQ: Int32Array.of(0, 5, 20, 31, 44, 60, 70), cuK: Int32Array.of(0, 9, 24, 35, 51, 66, 80), causal: true },
    ]
    const [scale, bias] = [random([96], 6), random([96], 9)]
    const table = ops.ropeTable(
      Int32Array.from({ length: 70 }, (_, t) => t),
      { headSize: 24, theta: 1e4 },
    )
    const gradientsOf = (f: () => ops.Tensor, ...given: ops.Tensor[]) =>
      ops.valueAndGradients(() => ops.sum(ops.multiply(f(), f())), given).gradients
    return [
      ...[w, int4, bf16].flatMap((weight) => [x, row, few].map((rows) => ops.linear(rows, weight))),
      ...[ops.attention(q, k, k, two), ops.attention(q, k, k, many)],
      ops.attention(lone, k, k, { cuQ: Int32Array.of(0, 1), cuK: Int32Array.of(0, 90), causal: true }),
      ...[ops.swiglu(x, x), ops.silu(x), ops.rope(q, table, { layout: 'half' }), ops.rope(q, table, { layout: 'interleaved' })],
      ...[ops.rmsNorm(x, scale, { eps: 1e-5 }), ops.layerNorm(x, scale, bias, { eps: 1e-5 }), ops.globalNorm([x, w])],
      ...gradientsOf(() => ops.linear(x, w, random([130], 10)), x, w),
      ...gradientsOf(() => ops.attention(q, k, k, two), q, k),
      ...gradientsOf(() => ops.attention(q, k, k, many), q, k),
      ...gradientsOf(() => ops.rmsNorm(x, scale, { eps: 1e-5 }), x, scale),
      ...gradientsOf(() => ops.layerNorm(x, scale, bias, { eps: 1e-5 }), x, scale, bias),
      ...gradientsOf(() => ops.silu(x), x),
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
    for (let run = 0; run < 15; run++) expect(await results()).toEqual(first)
    await ops.close()
    await ops.init({ device: 'wasm', threads: 1 })
    const alone = await results()
    alone.forEach((values, i) => {
      const most = values.reduce((top, value) => Math.max(top, Math.abs(value)), 1)
      const worst = values.findIndex((value, at) => !(Math.abs(first[i]![at]! - value) <= 1e-5 * most))
      expect(worst, `result ${i}: ${first[i]![worst]} where one thread gives ${values[worst]}`).toBe(-1)
    })
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

/** A pool on a memory of its own, and a function that runs slices of copyBlocks. */
async function pool(start: (data: Parameters<typeof startThread>[0]) => Thread) {
  const { readFile } = await import('node:fs/promises')
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536, shared: true })
  const module = await WebAssembly.compile(await readFile(new URL('../../../build/kernels-shared.wasm', import.meta.url)))
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } })
  const threads = new ThreadPool(2, exports as KernelModule, { module, memory }, () => 64, start)
  const list = 1024
  const copy = (...slices: number[][]) => {
    const room = slices.length
    const all = slices.map((given) => ({ name: 'copyBlocks' as const, arguments: given }))
    writeRegion(memory.buffer, list, { slices: all, serial: false, room })
    threads.runList(list, 1, 'a copy')
  }
  return { threads, copy }
}

describe('a lost thread', () => {
  it('throws DeviceLostError when a kernel fails in it, and on every later call', async () => {
    const { threads, copy } = await pool(startThread)
    const nothing = [0, 0, 0, 0, 0]
    copy(nothing, nothing)
    const beyondTheMemory = [0, 2 ** 30, 1, 4, 0]
    expect(() => copy(nothing, beyondTheMemory)).toThrow(/^wasm: .* in a copy\. close\(\), init\(\) and load again\.$/)
    expect(() => copy(nothing, nothing)).toThrow(DeviceLostError)
    await threads.stop()
  })

  it('throws DeviceLostError when the thread exits on its own', async () => {
    const started: ((why: string) => void)[] = []
    const { threads, copy } = await pool(() => ({
      ready: Promise.resolve(),
      onEnd: (report) => void started.push(report),
      stop: async () => {},
    }))
    started[0]!('exit code 1')
    expect(() => copy([0, 0, 0, 0, 0])).toThrow('wasm: thread 1 ended: exit code 1')
    await threads.stop()
  })

  it('knows every kernel by its number', () => {
    expect(new Set(kernelNames).size).toBe(kernelNames.length)
  })
})
