/** What WebGPU adds to the operators' own tests: its limits, its failures, its memory. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import * as ops from '../../index.ts'
import { whyMissing } from '../../testing/devices.ts'
import { compareWithCpu, webgpuBackend } from '../../testing/held-webgpu.ts'
import { randomTensor } from '../../testing/random.ts'

const { tensor, init, close, scope, dispose, memory, DeviceLostError, OutOfMemoryError } = ops
type Tensors = Record<string, ops.Tensor>

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

  describe('tensors beyond one binding', () => {
    const rows = randomTensor([300, 12], 1)
    const other = randomTensor([300, 12], 2)
    const row = randomTensor([12], 3)
    // Room for 64 rows of 12 and a little more.
    const little = { bindingBytes: 4096 }

    it('products cut rows, columns or steps', async () => {
      const inputs = { a: rows, b: other, c: randomTensor([12, 7], 4), narrow: randomTensor([3, 12], 5) }
      await compareWithCpu(inputs, little, ({ a, b, c, narrow }) => ({
        rows: ops.matMul(a, c),
        columns: ops.matMul(narrow, a, { transposeB: true }),
        steps: ops.matMul(a, b, { transposeA: true }),
        bias: ops.matMul(a, c, {
          bias: tensor(
            Float32Array.from({ length: 7 }, (_, i) => i),
            [7],
          ),
        }),
      }))
    })

    it('lookups see the table in parts', async () => {
      const ids = Int32Array.from({ length: 60 }, (_, i) => ((i * 37) % 301) - 1)
      const inputs = { table: randomTensor([300, 60], 4), added: randomTensor([60, 60], 5) }
      // Room for 64 rows of 60 and a little more.
      await compareWithCpu(inputs, { bindingBytes: 16384 }, ({ table, added }) => ({
        gathered: ops.gatherRows(table, ids),
        scattered: ops.scatterRows(added, ids, 300),
        manyScattered: ops.scatterRows(
          table,
          Int32Array.from({ length: 300 }, (_, i) => ((i * 53) % 103) - 1),
          102,
        ),
      }))
    })

    it('rows and elements go in several dispatches', async () => {
      const targets = Int32Array.from({ length: 300 }, (_, i) => i % 12)
      const weights = new Float32Array(300).fill(1)
      await compareWithCpu({ x: rows, y: other, weight: row }, little, ({ x, y, weight }) => {
        const names = ['x', 'y', 'weight']
        const loss = () => {
          const { sum, normed } = ops.addRmsNorm(x, y, weight, { eps: 1e-5 })
          const normedAgain = ops.layerNorm(ops.swiglu(sum, normed), weight, weight, { eps: 1e-5 })
          return ops.crossEntropy(ops.gelu(normedAgain, { approximate: 'none' }), targets, weights)
        }
        const { value, gradients } = ops.valueAndGradients(loss, [x, y, weight])
        return {
          value,
          ...Object.fromEntries(names.map((name, i) => [`d ${name}`, gradients[i]])),
          norm: ops.globalNorm([x, y]),
          ...(ops.topK(x, 3) as unknown as Tensors),
        }
      })
    })

    it('in-place updates reach every part', async () => {
      await compareWithCpu({ gradient: rows, parameter: other }, little, ({ gradient, parameter }) => {
        const [firstMoment, secondMoment] = [ops.zeros([300, 12]), ops.zeros([300, 12])]
        const settings = { learningRate: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0.1, step: 1, gradientScale: 1 }
        ops.adamwStep({ parameter, firstMoment, secondMoment, gradient }, settings)
        ops.writeRows(firstMoment, ops.slice(gradient, [0, 0], [2, 12]), 250)
        return { parameter: ops.clone(parameter), firstMoment, secondMoment }
      })
    })

    it('a single line is cut along the line', async () => {
      const inputs = {
        a: randomTensor([2, 3000], 1),
        b: randomTensor([3, 3000], 2),
        c: randomTensor([3000, 2], 3),
        small: randomTensor([2, 5], 4),
        bias: randomTensor([3000], 5),
      }
      await compareWithCpu(inputs, little, ({ a, b, c, small, bias }) => ({
        steps: ops.matMul(a, b, { transposeB: true }),
        stepsOfRows: ops.matMul(a, c),
        columns: ops.matMul(small, a, { transposeA: true, bias }),
        rows: ops.matMul(a, small, { transposeA: true }),
      }))
    })

    const cases = [
      { name: 'several heads on one', q: [210, 4, 16], k: [190, 2, 16], cuQ: [0, 3, 3, 140, 210], cuK: [0, 5, 20, 150, 183] },
      { name: 'an odd head size', q: [150, 1, 10], k: [900, 1, 10], cuQ: [0, 40, 150], cuK: [0, 30, 900] },
      { name: 'one query, many keys', q: [1, 2, 16], k: [1000, 1, 16], cuQ: [0, 1], cuK: [0, 900] },
    ]
    for (const { name, q, k, cuQ, cuK } of cases) {
      it(`attention sees queries and keys in parts: ${name}`, async () => {
        const inputs = { q: randomTensor(q, 1), k: randomTensor(k, 2), v: randomTensor(k, 3), weights: randomTensor(q, 4) }
        for (const causal of [false, true]) {
          await compareWithCpu(inputs, { bindingBytes: 16384 }, ({ q, k, v, weights }) => {
            const attend = () => ops.attention(q, k, v, { cuQ: Int32Array.from(cuQ), cuK: Int32Array.from(cuK), causal })
            const { value, gradients } = ops.valueAndGradients(() => ops.sum(ops.multiply(attend(), weights)), [q, k, v])
            const [dq, dk, dv] = gradients
            return { o: attend(), value, dq, dk, dv }
          })
        }
      })
    }

    it('packed weights are cut by their rows', async () => {
      const values = randomTensor([900, 76], 1).data as Float32Array
      const bits = new Uint32Array(values.buffer)
      const halves = Int32Array.from(
        { length: values.length / 2 },
        (_, i) => (bits[2 * i] >>> 16) | (bits[2 * i + 1] & 0xffff0000),
      )
      const ids = Int32Array.from({ length: 40 }, (_, i) => ((i * 337) % 901) - 1)
      const inputs = { x: randomTensor([3, 76], 2), many: randomTensor([70, 76], 3), bias: randomTensor([900], 4) }
      await compareWithCpu(inputs, { bindingBytes: 20480 }, ({ x, many, bias }) => {
        const weights = {
          bf16: ops.createPackedWeight(halves, [900, 76], 'bf16'),
          int8: ops.createPackedQuantizedWeight(ops.quantize(values, [900, 76], { bits: 8 })),
          int4: ops.createPackedQuantizedWeight(ops.quantize(values, [900, 76], { bits: 4, group: 64 })),
        }
        const found = Object.entries(weights).map(([name, weight]) => {
          const { gradients } = ops.valueAndGradients(() => ops.sum(ops.linear(many, weight, bias)), [many])
          return {
            [`${name} few`]: ops.linear(x, weight, bias),
            [`${name} many`]: ops.linear(many, weight),
            [`${name} d many`]: gradients[0],
            [`${name} rows`]: ops.gatherRows(weight, ids),
          }
        })
        return Object.assign({}, ...found) as Tensors
      })
    })

    it('what cannot be cut says so', async () => {
      await start()
      webgpuBackend().bindingBytes = 1024
      const x = tensor(new Float32Array(2 * 300), [2, 300])
      const weight = tensor(new Float32Array(300), [300])
      const normed = () => ops.rmsNorm(x, weight, { eps: 1e-5 })
      expect(normed).toThrow("RmsNorm: 'x' takes 2400 bytes, but this WebGPU device binds at most 1024")
      expect(() => tf.relu(x)).toThrow('takes a tensor of shape [2,300], 2400 bytes, but this device binds at most 1024')
      dispose(x, weight)
    })
  })

  it('more workgroups than one dimension holds', async () => {
    const ids = Int32Array.from({ length: 70_000 }, (_, i) => i % 5)
    await compareWithCpu({ table: randomTensor([5, 1], 1) }, {}, ({ table }) => ({ gathered: ops.gatherRows(table, ids) }))
  })

  it('reductions are right without subgroups too', async () => {
    const inputs = { x: randomTensor([3, 200], 1), weight: randomTensor([200], 2), matrix: randomTensor([5, 200], 3) }
    await compareWithCpu(inputs, { proven: { subgroups: false, f16: false } }, ({ x, weight, matrix }) => ({
      normed: ops.rmsNorm(x, weight, { eps: 1e-5 }),
      product: ops.matMul(x, matrix, { transposeB: true }),
      loss: ops.crossEntropy(x, Int32Array.of(7, 0, 199), new Float32Array([1, 2, 3])),
      norm: ops.globalNorm([x]),
    }))
  })

  it('values read before an in-place update are not served again', async () => {
    await start()
    const cache = ops.zeros([3, 2])
    expect(Array.from(await cache.data())).toEqual([0, 0, 0, 0, 0, 0])
    const rows = tensor([1, 2], [1, 2])
    ops.writeRows(cache, rows, 2)
    expect(Array.from(await cache.data())).toEqual([0, 0, 0, 0, 1, 2])
    dispose(cache, rows)
  })

  it('a lost device says so, and init starts another', async () => {
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

  it('a tensor larger than any buffer is an OutOfMemoryError, and the device goes on', async () => {
    await start()
    const before = memory().tensors
    const held = webgpuBackend().numDataIds()
    const [a, b] = [ops.zeros([2 ** 17, 1]), ops.zeros([1, 2 ** 17])]
    expect(() => ops.matMul(a, b)).toThrow(OutOfMemoryError)
    dispose(a, b)
    expect(memory().tensors).toBe(before)
    expect(webgpuBackend().numDataIds()).toBe(held)
    const x = tensor([1, -1], [2])
    expect((await scope(() => ops.add(x, x)).data())[1]).toBe(-2)
    dispose(x)
  })

  it('what the device reports later is told by the next call', async () => {
    await start()
    const { device } = webgpuBackend()
    device.createShaderModule({ code: 'not WGSL' })
    const x = tensor([1, 2], [2])
    await expect(tf.neg(x).data()).rejects.toThrow(/WebGPU: .*parsing WGSL/s)
    expect(Array.from(await tf.neg(x).data())).toEqual([-1, -2])
  })

  it('tensors of ever other sizes do not fill the device', async () => {
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
      const t = scope(() => ops.add(ops.columnSum(ops.scatterRows(table, ids, 3)), ops.globalNorm([table])))
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
