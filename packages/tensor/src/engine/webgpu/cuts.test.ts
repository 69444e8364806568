/** Operators on tensors larger than one binding, each compared with the reference. */
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import * as ops from '../../index.ts'
import { blockTypes, randomBlocks } from '../../testing/blocks.ts'
import { whyMissing } from '../../testing/devices.ts'
import { compareWithCpu, webgpuBackend } from '../../testing/held-webgpu.ts'
import { randomTensor } from '../../testing/random.ts'
import { cutAxis } from './cuts.ts'

const { tensor, init, close, dispose } = ops
type Tensors = Record<string, ops.Tensor>
const missing = await whyMissing('webgpu')

it('an axis is cut into pieces that follow one another, fit, and start aligned ranges', () => {
  const width = fc.integer({ min: 1, max: 300 })
  const unit = fc.constantFrom(1, 2, 64, 256)
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 5000 }),
      fc.array(width, { minLength: 1, maxLength: 4 }),
      unit,
      (extent, perStep, unit) => {
        // Space for the smallest piece that can be cut off.
        const most = 256 * 300
        const found = cutAxis(extent, perStep, most, unit)
        expect(found.reduce((next, { begin, count }) => (begin === next ? begin + count : NaN), 0)).toBe(extent)
        for (const { begin, count } of found) {
          expect(begin % unit).toBe(0)
          for (const width of perStep) {
            expect((begin * width) % 64).toBe(0)
            expect(count * width).toBeLessThanOrEqual(most)
          }
        }
      },
    ),
  )
})

describe.skipIf(missing)('operators on tensors larger than one binding', () => {
  afterEach(() => close())

  const rows = randomTensor([300, 12], 1)
  const other = randomTensor([300, 12], 2)
  const row = randomTensor([12], 3)
  // Room for 64 rows of 12 and a little more.
  const little = { bindingBytes: 4096 }

  it('products cut rows, columns or steps', async () => {
    const inputs = { a: rows, b: other, c: randomTensor([12, 7], 4), narrow: randomTensor([3, 12], 5) }
    await compareWithCpu(inputs, little, ({ a, b, c, narrow }) => ({
      rows: ops.matMul(a!, c!),
      columns: ops.matMul(narrow!, a!, { transposeB: true }),
      steps: ops.matMul(a!, b!, { transposeA: true }),
      vectors: ops.matMul(a!, b!, { transposeB: true }),
      bias: ops.matMul(a!, c!, {
        bias: tensor(
          Float32Array.from({ length: 7 }, (_, i) => i),
          [7],
        ),
      }),
    }))
  })

  it('lookups read the table in parts', async () => {
    const ids = Int32Array.from({ length: 60 }, (_, i) => ((i * 37) % 301) - 1)
    const inputs = { table: randomTensor([300, 60], 4), added: randomTensor([60, 60], 5) }
    // Room for 64 rows of 60 and a little more.
    await compareWithCpu(inputs, { bindingBytes: 16384 }, ({ table, added }) => ({
      gathered: ops.gatherRows(table!, ids),
      scattered: ops.scatterRows(added!, ids, 300),
      manyScattered: ops.scatterRows(
        table!,
        Int32Array.from({ length: 300 }, (_, i) => ((i * 53) % 103) - 1),
        102,
      ),
    }))
  })

  it('rows and elements are split over several dispatches', async () => {
    const targets = Int32Array.from({ length: 300 }, (_, i) => i % 12)
    const weights = new Float32Array(300).fill(1)
    await compareWithCpu({ x: rows, y: other, weight: row }, little, ({ x, y, weight }) => {
      const names = ['x', 'y', 'weight']
      const loss = () => {
        const { sum, normed } = ops.addRmsNorm(x!, y!, weight!, { eps: 1e-5 })
        const normedAgain = ops.layerNorm(ops.swiglu(sum, normed), weight!, weight!, { eps: 1e-5 })
        return ops.crossEntropy(ops.gelu(normedAgain, { approximate: 'none' }), targets, weights)
      }
      const { value, gradients } = ops.valueAndGradients(loss, [x!, y!, weight!])
      return {
        value,
        ...Object.fromEntries(names.map((name, i) => [`d ${name}`, gradients[i]])),
        norm: ops.globalNorm([x!, y!]),
        ...Object.fromEntries(Object.entries(ops.topK(x!, 3))),
      }
    })
  })

  it('in-place updates reach every part', async () => {
    await compareWithCpu({ gradient: rows, parameter: other }, little, ({ gradient, parameter }) => {
      const [firstMoment, secondMoment] = [ops.zeros([300, 12]), ops.zeros([300, 12])]
      const settings = { learningRate: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0.1, step: 1, gradientScale: 1 }
      ops.adamwStep({ parameter: parameter!, firstMoment, secondMoment, gradient: gradient! }, settings)
      ops.writeRows(firstMoment, ops.slice(gradient!, [0, 0], [2, 12]), 250)
      return { parameter: ops.clone(parameter!), firstMoment, secondMoment }
    })
  })

  it('a single row is cut along its length', async () => {
    const inputs = {
      a: randomTensor([2, 3000], 1),
      b: randomTensor([3, 3000], 2),
      c: randomTensor([3000, 2], 3),
      many: randomTensor([7, 3000], 6),
      small: randomTensor([2, 5], 4),
      bias: randomTensor([3000], 5),
    }
    await compareWithCpu(inputs, little, ({ a, b, c, many, small, bias }) => ({
      steps: ops.matMul(a!, b!, { transposeB: true }),
      stepsOfVectors: ops.matMul(many!, b!, { transposeB: true }),
      stepsOfRows: ops.matMul(a!, c!),
      columns: ops.matMul(small!, a!, { transposeA: true, bias }),
      rows: ops.matMul(a!, small!, { transposeA: true }),
    }))
  })

  const cases = [
    { name: 'several heads on one', q: [210, 4, 16], k: [190, 2, 16], cuQ: [0, 3, 3, 140, 210], cuK: [0, 5, 20, 150, 183] },
    { name: 'an odd head size', q: [150, 1, 10], k: [900, 1, 10], cuQ: [0, 40, 150], cuK: [0, 30, 900] },
    { name: 'one query, many keys', q: [1, 2, 16], k: [1000, 1, 16], cuQ: [0, 1], cuK: [0, 900] },
  ]
  for (const { name, q, k, cuQ, cuK } of cases) {
    it(`attention reads queries and keys in parts: ${name}`, async () => {
      const inputs = { q: randomTensor(q, 1), k: randomTensor(k, 2), v: randomTensor(k, 3), weights: randomTensor(q, 4) }
      for (const causal of [false, true]) {
        await compareWithCpu(inputs, { bindingBytes: 16384 }, ({ q, k, v, weights }) => {
          const attend = () => ops.attention(q!, k!, v!, { cuQ: Int32Array.from(cuQ), cuK: Int32Array.from(cuK), causal })
          const { value, gradients } = ops.valueAndGradients(() => ops.sum(ops.multiply(attend(), weights!)), [q!, k!, v!])
          return { o: attend(), value, ...Object.fromEntries(['dq', 'dk', 'dv'].map((name, i) => [name, gradients[i]!])) }
        })
      }
    })
  }

  it('attention over any segments gives the same result in parts', { timeout: 120_000 }, async () => {
    const heads = fc.constantFrom([1, 1], [2, 1], [4, 2], [8, 1])
    const segments = fc.array(fc.tuple(fc.nat(60), fc.nat(120)), { minLength: 1, maxLength: 4 })
    const boundaries = (lengths: number[]) =>
      Int32Array.from([0, ...lengths]).map((_, i) => lengths.slice(0, i).reduce((a, b) => a + b, 0))
    const problem = fc.record({
      heads,
      segments,
      headSize: fc.constantFrom(4, 7, 16),
      spare: fc.nat(20),
      causal: fc.boolean(),
      bindingBytes: fc.integer({ min: 4096, max: 40_000 }),
    })
    await fc.assert(
      fc.asyncProperty(problem, async ({ heads: [H, K], segments, headSize, spare, causal, bindingBytes }) => {
        const [cuQ, cuK] = [boundaries(segments.map(([queries]) => queries)), boundaries(segments.map(([, keys]) => keys))]
        const [ofQ, ofK] = [
          [cuQ.at(-1)!, H, headSize],
          [cuK.at(-1)! + spare, K, headSize],
        ]
        const inputs = {
          q: randomTensor(ofQ, 1),
          k: randomTensor(ofK, 2),
          v: randomTensor(ofK, 3),
          weights: randomTensor(ofQ, 4),
        }
        const compared = compareWithCpu(inputs, { bindingBytes }, ({ q, k, v, weights }) => {
          const attend = () => ops.attention(q!, k!, v!, { cuQ, cuK, causal })
          const { gradients } = ops.valueAndGradients(() => ops.sum(ops.multiply(attend(), weights!)), [q!, k!, v!])
          return { o: attend(), dq: gradients[0]!, dk: gradients[1]!, dv: gradients[2]! }
        })
        // If not even the smallest piece fits, an error is thrown.
        const told = await compared.then(
          () => undefined,
          (error: Error) => error.message,
        )
        fc.pre(!told || !/binds at most/.test(told))
        expect(told).toBeUndefined()
      }),
      { numRuns: 20 },
    )
  })

  it('compressed weights are cut by their rows', async () => {
    const values = randomTensor([900, 76], 1).data as Float32Array
    const bits = new Uint32Array(values.buffer)
    const halves = Int32Array.from(
      { length: values.length / 2 },
      (_, i) => (bits[2 * i]! >>> 16) | (bits[2 * i + 1]! & 0xffff0000),
    )
    const ids = Int32Array.from({ length: 40 }, (_, i) => ((i * 337) % 901) - 1)
    const inputs = { x: randomTensor([3, 76], 2), many: randomTensor([70, 76], 3), bias: randomTensor([900], 4) }
    await compareWithCpu(inputs, { bindingBytes: 20480 }, ({ x, many, bias }) => {
      const weights = {
        bf16: ops.createCompressedWeight(halves, [900, 76], 'bf16'),
        int8: ops.createCompressedQuantizedWeight(ops.quantize(values, [900, 76], { bits: 8 })),
        int4: ops.createCompressedQuantizedWeight(ops.quantize(values, [900, 76], { bits: 4, group: 64 })),
      }
      const found = Object.entries(weights).map(([name, weight]) => {
        const { gradients } = ops.valueAndGradients(() => ops.sum(ops.linear(many!, weight, bias)), [many!])
        return {
          [`${name} few`]: ops.linear(x!, weight, bias),
          [`${name} many`]: ops.linear(many!, weight),
          [`${name} d many`]: gradients[0],
          [`${name} rows`]: ops.gatherRows(weight, ids),
        }
      })
      return Object.assign({}, ...found) as Tensors
    })
  })

  it('blocks are cut by their rows, also where a row ends in the middle of a word', async () => {
    const [O, D] = [300, 256]
    const inputs = { x: randomTensor([3, D], 2), many: randomTensor([70, D], 3), bias: randomTensor([O], 4) }
    const ids = Int32Array.from({ length: 15 }, (_, i) => ((i * 137) % (O + 1)) - 1)
    await compareWithCpu(inputs, { bindingBytes: 32768 }, ({ x, many, bias }) => {
      const found = blockTypes.map((type) => {
        const weight = ops.createCompressedBlocks(randomBlocks(type, [O, D], 1), [O, D], type)
        const { gradients } = ops.valueAndGradients(() => ops.sum(ops.linear(many!, weight, bias)), [many!])
        return {
          [`${type} few`]: ops.linear(x!, weight, bias),
          [`${type} many`]: ops.linear(many!, weight),
          [`${type} d many`]: gradients[0],
          [`${type} rows`]: ops.gatherRows(weight, ids),
        }
      })
      return Object.assign({}, ...found) as Tensors
    })
  })

  it('a product over nothing binds nothing', async () => {
    await compareWithCpu({ a: randomTensor([0, 400], 1), b: randomTensor([0, 64], 2) }, little, ({ a, b }) => ({
      zeros: ops.matMul(a!, b!, { transposeA: true }),
    }))
  })

  it('a query axis whose heads align badly and a key axis in parts share one scratch', async () => {
    const inputs = { q: randomTensor([300, 3, 8], 1), k: randomTensor([700, 3, 8], 2), v: randomTensor([700, 3, 8], 3) }
    const [cuQ, cuK] = [Int32Array.of(0, 10, 300), Int32Array.of(0, 600, 700)]
    await compareWithCpu(inputs, { bindingBytes: 32768 }, ({ q, k, v }) => ({
      o: ops.attention(q!, k!, v!, { cuQ, cuK, causal: true }),
    }))
  })

  it('an operator that cannot be cut throws an error that says so', async () => {
    await init({ device: 'webgpu', software: true })
    webgpuBackend().bindingBytes = 1024
    const wide = tensor(new Float32Array(600), [1, 600])
    const int8 = ops.createCompressedQuantizedWeight(ops.quantize(new Float32Array(1200), [2, 600], { bits: 8 }))
    expect(() => ops.linear(wide, int8)).toThrow(
      "QuantizedLinear: 'a' takes 2400 bytes, but this WebGPU device binds at most 1024",
    )
    dispose(wide, int8)
    const x = tensor(new Float32Array(2 * 300), [2, 300])
    const weight = tensor(new Float32Array(300), [300])
    const normed = () => ops.rmsNorm(x, weight, { eps: 1e-5 })
    expect(normed).toThrow("RmsNorm: 'x' takes 2400 bytes, but this WebGPU device binds at most 1024")
    expect(() => tf.relu(x)).toThrow('takes a tensor of shape [2,300], 2400 bytes, but this device binds at most 1024')
    dispose(x, weight)
  })
})
