/** Products of rows with weights in 4 bits, in integers: only where the build has relaxed SIMD; the float path elsewhere. */
import { OutOfMemoryError } from '@casa-js/base'
import { multipliedBlocks, dequantizeBlocks, floatToHalf, type BlockType } from '@casa-js/base/internal'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { close, init, report } from '../../engine/init.ts'
import { dispose } from '../../engine/scope.ts'
import type { Tensor } from '../../engine/tensor.ts'
import { valueAndGradients } from '../../engine/backward-pass.ts'
import { byteProducts, proven, race, Race } from '../../engine/wasm/byte-product.ts'
import type { WasmBackend } from '../../engine/wasm/device.ts'
import { randomValues } from '../../testing/random.ts'
import { createCompressedBlocks } from '../block-linear/index.ts'
import { createCompressedQuantizedWeight } from '../compressed/index.ts'
import { companionsOf } from '../../engine/compressed.ts'
import { tensor } from '../create/index.ts'
import { sum } from '../elementwise/index.ts'
import { linear } from '../linear/index.ts'
import { writeRows } from '../write-rows/index.ts'
import { dequantize, quantize } from './quantize.ts'

afterEach(close)

interface Weight {
  /** [O,D] */
  values: Float32Array
  make(): Tensor
}

/** A weight [O,D] of normally sized numbers. */
function weightOf(format: 'int4' | 'Q4_1' | 'Q4_K', [outputs, inputs]: [number, number], group: number, seed: number): Weight {
  if (format === 'int4') {
    const matrix = quantize(randomValues(outputs * inputs, seed), [outputs, inputs], { bits: 4, group })
    return { values: dequantize(matrix), make: () => createCompressedQuantizedWeight(matrix) }
  }
  const { values, bytes } = multipliedBlocks[format as BlockType]
  const count = (outputs * inputs) / values
  const random = randomValues(count * bytes, seed)
  const blocks = Uint8Array.from(random, (x) => Math.floor(Math.abs(x) * 1e6) & 255)
  const view = new DataView(blocks.buffer)
  for (let b = 0; b < count; b++) {
    for (const at of [0, 2])
      view.setUint16(b * bytes + at, floatToHalf(random[b * bytes + at]! / (format === 'Q4_1' ? 20 : 2000)), true)
  }
  const all = dequantizeBlocks(blocks, format as BlockType, values, bytes)
  return { values: all, make: () => createCompressedBlocks(blocks, [outputs, inputs], format as BlockType) }
}

/** x [T,D] as the kernel rounds it, in the float32 arithmetic of the kernel. */
function rounded(x: Float32Array): Float32Array {
  const out = new Float32Array(x.length)
  for (let begin = 0; begin < x.length; begin += 32) {
    const top = x.subarray(begin, begin + 32).reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    const perUnit = Math.fround(top > 0 ? 127 / top : 0)
    for (let i = begin; i < begin + 32; i++) out[i] = toEven(Math.fround(x[i]! * perUnit)) * Math.fround(top / 127)
  }
  return out
}

function toEven(value: number): number {
  const floor = Math.floor(value)
  if (value - floor !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}

/** y [T,O] in double precision, and the sum of the sizes of its terms. */
function product(x: Float32Array, w: Float32Array, rows: number, inputs: number, outputs: number) {
  const y = new Float64Array(rows * outputs)
  const sizes = new Float64Array(rows * outputs)
  for (let t = 0; t < rows; t++) {
    for (let o = 0; o < outputs; o++) {
      for (let d = 0; d < inputs; d++) {
        const term = x[t * inputs + d]! * w[o * inputs + d]!
        y[t * outputs + o]! += term
        sizes[t * outputs + o]! += Math.abs(term)
      }
    }
  }
  return { y, sizes }
}

async function run(weight: Weight, x: Float32Array, rows: number, bias?: Float32Array): Promise<Float32Array> {
  const w = weight.make()
  const given = tensor(x, [rows, x.length / rows])
  const b = bias && tensor(bias, [bias.length])
  const y = linear(given, w, b)
  const values = (await y.data()).slice() as Float32Array
  dispose(y, given, ...companionsOf(w), w, ...(b ? [b] : []))
  return values
}

const hasBytes = (): boolean => report().features.includes(byteProducts)

const cases = fc.record({
  format: fc.constantFrom('int4' as const, 'Q4_1' as const, 'Q4_K' as const),
  // Up to six rows have a kernel of their own.
  rows: fc.integer({ min: 1, max: 31 }),
  blocks: fc.integer({ min: 1, max: 5 }),
  outputs: fc.integer({ min: 1, max: 53 }),
  group: fc.constantFrom(32, 64, 96),
  biased: fc.boolean(),
  seed: fc.integer({ min: 1, max: 1e6 }),
})

describe('products of rows in bytes', () => {
  it('are those of the rounded rows, in every way to the same bits; without relaxed SIMD those of the rows themselves', async () => {
    await init({ device: 'wasm' })
    const check = fc.asyncProperty(cases, async ({ format, rows, blocks, outputs, group, biased, seed }) => {
      const inputs = blocks * (format === 'Q4_K' ? 256 : 32)
      const weight = weightOf(format, [outputs, inputs], group, seed)
      const x = randomValues(rows * inputs, seed + 1)
      const bias = biased ? randomValues(outputs, seed + 2) : undefined
      race.start(proven.ways.slice(0, 1))
      const found = await run(weight, x, rows, bias)
      for (const way of proven.ways.slice(1)) {
        race.start([way])
        expect(await run(weight, x, rows, bias)).toEqual(found)
      }
      const { y, sizes } = product(hasBytes() ? rounded(x) : x, weight.values, rows, inputs, outputs)
      // Minima are subtracted from sums up to 15 steps larger.
      found.forEach((value, i) => {
        const expected = y[i]! + (bias?.[i % outputs] ?? 0)
        expect(Math.abs(value - expected)).toBeLessThanOrEqual(2e-6 * (16 * sizes[i]! + 1))
      })
    })
    await fc.assert(check, { numRuns: 40 })
  })

  it('that have one x share its rounding, until its values change', async () => {
    await init({ device: 'wasm', threads: 2 })
    const [rows, inputs, outputs] = [50, 96, 40]
    const weights = [7, 8].map((seed) => weightOf('int4', [outputs, inputs], 32, seed))
    const made = weights.map((weight) => weight.make())
    const [x, other] = [9, 10].map((seed) => randomValues(rows * inputs, seed)) as [Float32Array, Float32Array]
    const [given, added] = [tensor(x, [rows, inputs]), tensor(other.subarray(0, 3 * inputs), [3, inputs])]
    const products = async (weight: Tensor) => {
      const y = linear(given, weight)
      const values = (await y.data()).slice() as Float32Array
      dispose(y)
      return values
    }
    const first = [await products(made[0]!), await products(made[1]!)]
    expect(first).toEqual([await run(weights[0]!, x, rows), await run(weights[1]!, x, rows)])
    // Another x of the same shape, then this one with other values.
    expect(await run(weights[0]!, other, rows)).not.toEqual(first[0])
    writeRows(given, added, 20)
    const changed = x.slice()
    changed.set(other.subarray(0, 3 * inputs), 20 * inputs)
    expect(await products(made[0]!)).toEqual(await run(weights[0]!, changed, rows))
    dispose(given, added, ...made.flatMap((weight) => [...companionsOf(weight), weight]))
  })

  it('round anew after a larger product found no memory', async () => {
    await init({ device: 'wasm' })
    const weight = weightOf('int4', [40, 96], 32, 7)
    const made = weight.make()
    const [given, larger] = [50, 400].map((rows) => tensor(randomValues(rows * 96, rows), [rows, 96])) as [Tensor, Tensor]
    const products = async () => {
      const y = linear(given, made)
      const values = (await y.data()).slice() as Float32Array
      dispose(y)
      return values
    }
    const before = await products()
    const { wasm } = tf.backend() as WasmBackend
    const allocate = wasm._malloc
    let calls = 0
    wasm._malloc = (bytes) => {
      // The first is for the result.
      if (++calls === 2) throw new OutOfMemoryError('no room, says the test')
      return allocate(bytes)
    }
    try {
      expect(() => linear(larger, made)).toThrow(OutOfMemoryError)
    } finally {
      wasm._malloc = allocate
    }
    expect(await products()).toEqual(before)
    dispose(given, larger, ...companionsOf(made), made)
  })

  it.each([9, 2])('of %i rows differ from those in float32 by at most half a unit per column times the weight', async (rows) => {
    await init({ device: 'wasm' })
    const [inputs, outputs] = [320, 21]
    const weight = weightOf('int4', [outputs, inputs], 32, 5)
    // Blocks of zeros, of tiny values, and with an outlier.
    const x = randomValues(rows * inputs, 6).map((value, i) =>
      i % 160 < 32 ? 0 : i % 160 < 64 ? value * 1e-30 : i % 97 ? value : 1e4,
    )
    const found = await run(weight, x, rows)
    await init({ device: 'wasm', int8Activations: false })
    const inFloat = await run(weight, x, rows)
    let different = 0
    found.forEach((value, i) => {
      const [t, o] = [Math.floor(i / outputs), i % outputs]
      let bound = 0
      for (let d = 0; d < inputs; d++) {
        const begin = t * inputs + (d & ~31)
        const top = x.subarray(begin, begin + 32).reduce((most, each) => Math.max(most, Math.abs(each)), 0)
        bound += (top / 254) * Math.abs(weight.values[o * inputs + d]!)
      }
      expect(Math.abs(value - inFloat[i]!)).toBeLessThanOrEqual(1.001 * bound)
      if (value !== inFloat[i]) different++
    })
    expect(different > 0).toBe(hasBytes())
  })

  it('give the same bits whatever rows stand beside a row', async () => {
    await init({ device: 'wasm' })
    const [rows, inputs] = [24, 96]
    const weight = weightOf('Q4_1', [40, inputs], 32, 3)
    const x = randomValues(rows * inputs, 4)
    const all = await run(weight, x, rows)
    if (!hasBytes()) return
    expect(await run(weight, x.subarray(5 * inputs, 12 * inputs), 7)).toEqual(all.subarray(5 * 40, 12 * 40))
  })

  it('are in float32 while a gradient is computed, and with exact', async () => {
    await init({ device: 'wasm', exact: true })
    const weight = weightOf('int4', [16, 64], 32, 8)
    const x = randomValues(8 * 64, 9)
    const exact = await run(weight, x, 8)
    await init({ device: 'wasm' })
    const [w, given] = [weight.make(), tensor(x, [8, 64])]
    let y: Float32Array | undefined
    const reading: Promise<void>[] = []
    const { value, gradients } = valueAndGradients(() => {
      const out = linear(given, w)
      reading.push(out.data().then((data) => void (y = data.slice() as Float32Array)))
      return sum(out)
    }, [given])
    await Promise.all(reading)
    expect(y).toEqual(exact)
    dispose(value, ...gradients, given, ...companionsOf(w), w)
  })

  it('pass on what is not finite', async () => {
    await init({ device: 'wasm' })
    const weight = weightOf('int4', [5, 32], 32, 8)
    for (const rows of [8, 4]) {
      for (const bad of [NaN, Infinity, -Infinity]) {
        const x = randomValues(rows * 32, 9)
        x[3 * 32 + 7] = bad
        const y = await run(weight, x, rows)
        y.forEach((value, i) => expect(Number.isFinite(value), `${bad} of ${rows} rows at ${i}`).toBe(Math.floor(i / 5) !== 3))
      }
    }
  })
})

describe('a race of ways', () => {
  it('takes turns, and then the fastest', () => {
    const taken: number[] = []
    const contest = new Race([0, 1, 2], 1, 2)
    const wait = (ms: number) => {
      for (const end = performance.now() + ms; performance.now() < end;);
    }
    const step = () => {
      const { way } = contest
      taken.push(way)
      contest.time(1, () => wait(way === 1 ? 0 : 8))
    }
    for (let i = 0; i < 11; i++) step()
    expect(taken).toEqual([0, 1, 2, 1, 2, 0, 2, 0, 1, 1, 1])
    contest.start([2])
    step()
    expect(taken.at(-1)).toBe(2)
  })
})
