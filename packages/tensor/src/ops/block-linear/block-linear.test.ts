import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { close, init, type DeviceName } from '../../engine/init.ts'
import { dispose } from '../../engine/scope.ts'
import { blockTypes, randomBlocks } from '../../testing/blocks.ts'
import { wantedDevices, whyMissing } from '../../testing/devices.ts'
import { compareWithCpu } from '../../testing/held-webgpu.ts'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor } from '../../testing/random.ts'
import { decompressRows } from '../compressed/index.ts'
import { tensor } from '../create/index.ts'
import { sum } from '../elementwise/index.ts'
import { linear } from '../linear/index.ts'
import { valueAndGradients } from '../../engine/backward-pass.ts'
import { createCompressedBlocks } from './index.ts'

const shapes: [name: string, x: number[], O: number][] = [
  ['one row', [1, 512], 9],
  ['one row, two outputs', [256], 2],
  ['no rows', [0, 256], 3],
  ['three rows', [3, 256], 11],
  ['three axes', [2, 3, 256], 8],
  ['past one block of columns', [30, 768], 37],
]

/** wasm rounds a few rows of x to 16 bits, unless told to be exact. Many rows in 8 bits: ../quantized-linear/byte-product.test.ts. */
const rounding = [
  { exact: true, tolerance: { forward: 2e-5 } },
  { exact: false, int8Activations: false, tolerance: { forward: 1e-4 } },
]

for (const type of blockTypes) {
  await describeOp(
    `linear with blocks of ${type}`,
    shapes.flatMap(([name, shape, O]) =>
      rounding.map((precision): OpCase => {
        const D = shape.at(-1)!
        const blocks = randomBlocks(type, [O, D], 1)
        return {
          name: `${name}${precision.exact ? ', exact' : ''}`,
          ...precision,
          inputs: { x: randomTensor(shape, 2), bias: randomTensor([O], 3) },
          run: ({ x, bias }) => {
            const weight = createCompressedBlocks(blocks, [O, D], type)
            const y = linear(x!, weight, bias)
            dispose(weight)
            return y
          },
          differentiate: ['x', 'bias'],
        }
      }),
    ),
  )
}

const noGpu = wantedDevices.includes('webgpu') ? await whyMissing('webgpu') : 'not among CASA_DEVICES'

it.skipIf(noGpu)('products of any size with blocks are the same on webgpu as on cpu', { timeout: 120_000 }, async () => {
  const sizes = fc.record({
    type: fc.constantFrom(...blockTypes),
    rows: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 6, max: 70 })),
    outputs: fc.integer({ min: 1, max: 70 }),
    blocks: fc.integer({ min: 1, max: 3 }),
    seed: fc.nat({ max: 1000 }),
  })
  await fc.assert(
    fc.asyncProperty(sizes, async ({ type, rows, outputs, blocks, seed }) => {
      const D = 256 * blocks
      const inputs = { x: randomTensor([rows, D], seed), bias: randomTensor([outputs], seed + 1) }
      await compareWithCpu(inputs, {}, ({ x, bias }) => {
        const weight = createCompressedBlocks(randomBlocks(type, [outputs, D], seed), [outputs, D], type)
        const { gradients } = valueAndGradients(() => sum(linear(x!, weight, bias)), [x!])
        return { y: linear(x!, weight, bias), dx: gradients[0]! }
      })
    }),
    { numRuns: 10 },
  )
})

describe('rows of blocks', () => {
  it.each(blockTypes)('of %s are the same floats on wasm as on cpu, to the bit', async (type) => {
    // Zero times a negative scale may be -0.
    const read = async (device: DeviceName) => {
      await init({ device, software: true })
      const weight = createCompressedBlocks(randomBlocks(type, [5, 512], 4), [5, 512], type)
      const rows = decompressRows(weight, Int32Array.of(4, -1, 0, 4))
      const values = ((await rows.data()) as Float32Array).map((value) => value + 0)
      dispose(weight, rows)
      return values
    }
    const expected = await read('cpu')
    expect(expected.subarray(512, 1024)).toEqual(new Float32Array(512))
    expect(await read('wasm')).toEqual(expected)
    if (!noGpu) {
      // A driver may multiply and add without rounding in between.
      const found = await read('webgpu')
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
      expect(found.findIndex((value, i) => Math.abs(value - expected[i]!) > 2 ** -22 * largest)).toBe(-1)
    }
    await close()
  })

  it('are refused where bytes are missing, or rows are not whole blocks', async () => {
    await init({ device: 'cpu' })
    expect(() => createCompressedBlocks(new Uint8Array(19), [1, 32], 'Q4_1')).toThrow(
      '19 bytes for [1,32] in Q4_1, expected 20 bytes',
    )
    expect(() => createCompressedBlocks(new Uint8Array(20), [2, 16], 'Q4_1')).toThrow('whole blocks of 32')
    const weight = createCompressedBlocks(new Uint8Array(20), [1, 32], 'Q4_1')
    expect(() => linear(tensor([1, 2], [1, 2]), weight)).toThrow('linear: x [1,2] does not fit the blocks weight [1,32]')
    dispose(weight)
    await close()
  })
})
