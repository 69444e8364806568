import * as tf from '@tensorflow/tfjs-core'
import { afterEach, describe, expect, it } from 'vitest'
import { OutOfMemoryError } from '@casa-js/base'
import * as ops from '../../index.ts'
import { readInto } from '../../internal.ts'
import { randomNumbers, randomValues } from '../../testing/random.ts'
import { Heap } from './heap.ts'
import { flushKernels, runningDevice, type WasmBackend } from './device.ts'
import { sharing } from './kernel.ts'

const { workPerThread } = sharing

afterEach(async () => {
  sharing.workPerThread = workPerThread
  await ops.close()
})

const shape = [6, 8]
const size = 48

/**
 * A random program: operators of ours and of tfjs on what earlier ones made, tensors from the host, and much that is disposed while kernels
 * that read it may be queued. Returns the values of what is left.
 * @param after called after every step
 */
async function program(seed: number, after: () => void): Promise<number[][]> {
  const next = randomNumbers(seed)
  const pick = (count: number) => Math.floor(next() * count)
  const weight = ops.tensor(randomValues(64, seed), [8, 8])
  const scale = ops.tensor(randomValues(8, seed + 1), [8])
  const ids = Int32Array.of(3, 0, 5, 1, 1, 2)
  const live = [ops.tensor(randomValues(size, seed + 2), shape)]
  const steps: ((x: ops.Tensor, y: ops.Tensor) => ops.Tensor)[] = [
    (x) => ops.linear(x, weight),
    (x) => ops.rmsNorm(x, scale, { eps: 1e-5 }),
    (x, y) => ops.add(x, y),
    (x, y) => ops.swiglu(x, y),
    (x) => ops.gatherRows(x, ids),
    (x) => tf.tanh(x),
    (x, y) => tf.maximum(x, y),
    (x) => ops.scope(() => ops.keep(ops.reshape(ops.slice(ops.reshape(x, [2, 3, 8]), [0, 0, 0], [2, 3, 8]), shape))),
    () => ops.tensor(randomValues(size, pick(100)), shape),
    (x) => ops.scope(() => ops.keep(ops.concat([ops.slice(x, [3, 0], [3, 8]), ops.slice(x, [0, 0], [3, 8])], 0))),
  ]
  for (let i = 0; i < 60; i++) {
    const [x, y] = [live[pick(live.length)]!, live[pick(live.length)]!]
    live.push(steps[pick(steps.length)]!(x, y))
    after()
    while (live.length > 6) live.splice(pick(live.length), 1)[0]!.dispose()
  }
  const found = live.map((t) => {
    const values = new Float32Array(size)
    void readInto(t, values)
    return [...values]
  })
  ops.dispose(weight, scale, ...live)
  return found
}

describe('queued kernels', () => {
  it.each([1, 3])('give on %i thread(s) what they give when each is awaited', async (threads) => {
    sharing.workPerThread = 1
    await ops.init({ device: 'wasm', threads })
    for (let seed = 1; seed <= 20; seed++) {
      const tensors = ops.memory().tensors
      const queued = await program(seed, () => {})
      expect(await program(seed, flushKernels), `seed ${seed}`).toEqual(queued)
      expect(ops.memory().tensors).toBe(tensors)
    }
  })

  it('run when the code that called them yields, and free what was disposed', async () => {
    await ops.init({ device: 'wasm', threads: 1 })
    const { heap } = runningDevice('a test')
    const x = ops.tensor(randomValues(size, 1), shape)
    const [a, b] = [ops.add(x, x), ops.add(x, x)]
    a.dispose()
    expect(heap.freedBytes).toBe(4 * size)
    // Kernels that are queued later may write there.
    const c = ops.add(x, b)
    expect(heap.freedBytes).toBe(0)
    c.dispose()
    await Promise.resolve()
    expect(heap.freedBytes).toBe(0)
    ops.dispose(b, x)
  })

  it('report a failure to whoever comes next', async () => {
    await ops.init({ device: 'wasm', threads: 1 })
    const x = ops.tensor(randomValues(size, 1), shape)
    runningDevice('a test').queue.add('copyBlocks', [[0, 2 ** 32 - 8, 1, 16, 0]])
    await Promise.resolve()
    await expect(ops.add(x, x).data()).rejects.toThrow(WebAssembly.RuntimeError)
  })
})

describe('the heap', () => {
  /** A module with so many blocks of 8 bytes. */
  function heapOf(blocks: number) {
    const free = Array.from({ length: blocks }, (_, i) => 8 * (i + 1))
    const wasm = {
      _malloc: (bytes: number) => (bytes <= 8 ? (free.pop() ?? 0) : 0),
      _free: (pointer: number) => void free.push(pointer),
      HEAPU8: new Uint8Array(8 * blocks),
    }
    let flushes = 0
    const heap: Heap = new Heap(wasm as unknown as WasmBackend['wasm'], () => {
      flushes++
      heap.release()
    })
    return { heap, wasm, flushes: () => flushes }
  }

  it('runs what is queued before it is called full', () => {
    const { heap, wasm, flushes } = heapOf(2)
    const [a] = [wasm._malloc(8), wasm._malloc(8)]
    expect(() => wasm._malloc(8)).toThrow(OutOfMemoryError)
    expect(flushes()).toBe(0)
    heap.hold()
    wasm._free(a)
    expect(wasm._malloc(8)).toBe(a)
    expect(flushes()).toBe(1)
    expect(() => wasm._malloc(9)).toThrow('no room for 9 bytes in a heap of 16')
  })

  it('gives memory that queued kernels may read to later kernels, and not to the host', () => {
    const { heap, wasm } = heapOf(3)
    const a = wasm._malloc(8)
    heap.hold()
    wasm._free(a)
    expect(wasm._malloc(8)).not.toBe(a)
    expect(heap.take(8)).toBe(a)
    expect(heap.freedBytes).toBe(0)
  })
})
