/** Tests of WebGPU beyond those of the operators: limits, failures, memory. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import * as ops from '../../index.ts'
import { columnSum } from '../../internal.ts'
import { whyMissing } from '../../testing/devices.ts'
import { compareWithCpu, webgpuBackend } from '../../testing/held-webgpu.ts'
import { randomTensor } from '../../testing/random.ts'

const { tensor, init, close, scope, dispose, memory, DeviceLostError, OutOfMemoryError } = ops
const missing = await whyMissing('webgpu')
if (missing) {
  console.warn(
    `WebGPU is not tested here: ${missing}.\n` +
      "A GPU with a Vulkan, Metal or D3D12 driver would do, or Chromium's package for its software adapter. " +
      'CASA_REQUIRE_WEBGPU=1 makes the absence an error.',
  )
}

const start = () => init({ device: 'webgpu', software: true })

describe.skipIf(missing)('webgpu', () => {
  afterEach(() => close())
  afterAll(() => close())

  it('reports its adapter, features and limits', async () => {
    const report = await start()
    expect(report.adapter.length).toBeGreaterThan(0)
    expect(report.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(2 ** 27)
    expect(report.limits.maxStorageBuffersPerShaderStage).toBeGreaterThanOrEqual(8)
    expect(Array.from(webgpuBackend().device.features)).toEqual(expect.arrayContaining(report.features))
    expect(typeof report.software).toBe('boolean')
  })

  it('more workgroups than fit one dimension', async () => {
    const ids = Int32Array.from({ length: 70_000 }, (_, i) => i % 5)
    await compareWithCpu({ table: randomTensor([5, 1], 1) }, {}, ({ table }) => ({ gathered: ops.gatherRows(table!, ids) }))
  })

  it('reductions are also right without subgroups', async () => {
    const inputs = { x: randomTensor([3, 200], 1), weight: randomTensor([200], 2), matrix: randomTensor([5, 200], 3) }
    await compareWithCpu(inputs, { proven: { subgroups: false, f16: false, unpack: false } }, ({ x, weight, matrix }) => ({
      normed: ops.rmsNorm(x!, weight!, { eps: 1e-5 }),
      product: ops.matMul(x!, matrix!, { transposeB: true }),
      loss: ops.crossEntropy(x!, Int32Array.of(7, 0, 199), new Float32Array([1, 2, 3])),
      norm: ops.globalNorm([x!]),
    }))
  })

  it('values read before an in-place update are not returned after it', async () => {
    await start()
    const cache = ops.zeros([3, 2])
    expect(Array.from(await cache.data())).toEqual([0, 0, 0, 0, 0, 0])
    const rows = tensor([1, 2], [1, 2])
    ops.writeRows(cache, rows, 2)
    expect(Array.from(await cache.data())).toEqual([0, 0, 0, 0, 1, 2])
    dispose(cache, rows)
  })

  it('a lost device throws an error that says so, and init starts another', async () => {
    await start()
    const x = tensor([1, 2], [2])
    webgpuBackend().device.destroy()
    await webgpuBackend().device.lost
    expect(() => ops.silu(x)).toThrow(DeviceLostError)
    await expect(ops.scope(() => tf.neg(x)).data()).rejects.toThrow(DeviceLostError)
    await close()
    await start()
    const y = tensor([3], [1])
    expect((await scope(() => ops.add(y, y)).data())[0]).toBe(6)
  })

  it('a tensor larger than any buffer throws OutOfMemoryError, and the device stays usable', async () => {
    await start()
    const before = memory().tensors
    const held = webgpuBackend().numDataIds()
    const side = Math.ceil(Math.sqrt(webgpuBackend().device.limits.maxBufferSize / 4)) + 1
    const [a, b] = [ops.zeros([side, 1]), ops.zeros([1, side])]
    expect(() => ops.matMul(a, b)).toThrow(OutOfMemoryError)
    dispose(a, b)
    expect(memory().tensors).toBe(before)
    expect(webgpuBackend().numDataIds()).toBe(held)
    const x = tensor([1, -1], [2])
    expect((await scope(() => ops.add(x, x)).data())[1]).toBe(-2)
    dispose(x)
  })

  it('an error that the device reports asynchronously is thrown by the next call', async () => {
    await start()
    const { device } = webgpuBackend()
    device.createShaderModule({ code: 'not WGSL' })
    const x = tensor([1, 2], [2])
    await expect(tf.neg(x).data()).rejects.toThrow(/WebGPU: .*parsing WGSL/s)
    expect(Array.from(await tf.neg(x).data())).toEqual([-1, -2])
  })

  it('tensors of ever changing sizes do not fill device memory', async () => {
    await start()
    const pool = webgpuBackend().bufferManager
    let peak = 0
    for (let size = 1000; size < 1200; size++) {
      const x = tensor(new Float32Array(size).fill(size), [size])
      const y = ops.silu(x)
      expect((await y.data())[size - 1]).toBeCloseTo(size, 3)
      peak = Math.max(peak, pool.numBytesUsed)
      dispose(x, y)
    }
    expect(pool.numBytesAllocated).toBeLessThan(4 * peak)
    expect(pool.numBytesUsed).toBeLessThan(1200 * 4)
  })

  it('gives the same bits every time', async () => {
    await start()
    const table = tensor(randomTensor([400, 9], 1).data, [400, 9])
    const ids = Int32Array.from({ length: 400 }, (_, i) => i % 3)
    const once = async () => {
      const t = scope(() => ops.add(columnSum(ops.scatterRows(table, ids, 3)), ops.globalNorm([table])))
      const values = Array.from(await t.data())
      dispose(t)
      return values
    }
    expect(await once()).toEqual(await once())
    dispose(table)
  })
})

describe.skipIf(missing)('Node', () => {
  it('exits after close()', async () => {
    const program = `
      import { init, close, tensor, add } from '@casa-js/tensor'
      await init({ device: 'webgpu', software: true })
      const x = tensor([2], [1])
      console.log((await add(x, x).data())[0])
      await close()`
    const options = ['--conditions=@casa-js/source', '--import', 'tsx', '--input-type=module', '-e', program]
    const { stdout } = await promisify(execFile)(process.execPath, options, { cwd: import.meta.dirname, timeout: 55_000 })
    expect(stdout.trim()).toBe('4')
  })
})
