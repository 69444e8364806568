import { floatToHalf, multipliedBlocks, type BlockType } from '@casa-js/base/internal'
import { describe, expect, it } from 'vitest'
import { close, init } from '../../engine/init.ts'
import { dispose } from '../../engine/scope.ts'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor, randomValues } from '../../testing/random.ts'
import { decompressRows } from '../compressed/index.ts'
import { tensor } from '../create/index.ts'
import { linear } from '../linear/index.ts'
import { createCompressedBlocks } from './index.ts'

/** Where a block has scales and minima. The rest may be any bytes. */
const halvesAt = (type: BlockType): readonly number[] => multipliedBlocks[type].halvesAt
const types = Object.keys(multipliedBlocks) as BlockType[]

function randomBlocks(type: BlockType, [outputs, inputs]: [number, number], seed: number): Uint8Array {
  const { values, bytes } = multipliedBlocks[type]
  const count = (outputs * inputs) / values
  const random = randomValues(count * bytes, seed)
  const blocks = Uint8Array.from(random, (x) => Math.floor(Math.abs(x) * 1e6) & 255)
  const view = new DataView(blocks.buffer)
  // Weights of about 1: K blocks have scales of up to 127 besides.
  const spread = type === 'Q4_1' ? 20 : 2000
  for (let b = 0; b < count; b++) {
    for (const at of halvesAt(type)) view.setUint16(b * bytes + at, floatToHalf(random[b * bytes + at]! / spread), true)
  }
  return blocks
}

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

for (const type of types) {
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
    ['cpu', 'wasm'],
  )
}

describe('rows of blocks', () => {
  it.each(types)('of %s are the same floats on wasm as on cpu, to the bit', async (type) => {
    // Zero times a negative scale may be -0.
    const read = async (device: 'cpu' | 'wasm') => {
      await init({ device })
      const weight = createCompressedBlocks(randomBlocks(type, [5, 512], 4), [5, 512], type)
      const rows = decompressRows(weight, Int32Array.of(4, -1, 0, 4))
      const values = (await rows.data()).map((value) => value + 0)
      dispose(weight, rows)
      return values
    }
    const expected = await read('cpu')
    expect(expected.subarray(512, 1024)).toEqual(new Float32Array(512))
    expect(await read('wasm')).toEqual(expected)
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
