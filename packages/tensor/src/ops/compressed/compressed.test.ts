import { describe, expect, it } from 'vitest'
import { init } from '../../engine/init.ts'
import { compressedForm, shapeOf } from '../../engine/compressed.ts'
import { dispose, keep, memory, scope } from '../../engine/scope.ts'
import { valueAndGradients } from '../../engine/backward-pass.ts'
import type { Tensor } from '../../engine/tensor.ts'
import { halvesOf } from '../../testing/halves.ts'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor, randomValues } from '../../testing/random.ts'
import { tensor } from '../create/index.ts'
import { linearCrossEntropy } from '../cross-entropy/linear.ts'
import { sum } from '../elementwise/index.ts'
import { gatherRows } from '../gather-rows/index.ts'
import { linear } from '../linear/index.ts'
import { matMul } from '../matmul/index.ts'
import { dequantize, quantize } from '../quantized-linear/index.ts'
import { floatToHalf, halfToFloat } from '@casa-js/base/internal'
import { createCompressedQuantizedWeight, createCompressedWeight, decompressRows, decompressWeight } from './index.ts'

type Format = 'bf16' | 'f16' | 'int8' | 'int4'
const formats: Format[] = ['bf16', 'f16', 'int8', 'int4']

function compress(format: Format, values: Float32Array, shape: [number, number]): Tensor {
  if (format === 'int8') return createCompressedQuantizedWeight(quantize(values, shape, { bits: 8 }))
  if (format === 'int4') return createCompressedQuantizedWeight(quantize(values, shape, { bits: 4, group: 64 }))
  return createCompressedWeight(halvesOf(values, format), shape, format)
}

const weightOf = (format: Format, shape: [number, number]) => compress(format, randomValues(shape[0] * shape[1], 7), shape)

const products: [x: number[], O: number][] = [
  [[3, 37], 5],
  [[1, 64], 9],
  [[2, 3, 33], 4],
  [[0, 8], 3],
  [[20, 130], 67],
]
const lookups: [table: [number, number], ids: number[]][] = [
  [
    [7, 6],
    [0, 6, -1, 3, 3],
  ],
  [
    [5, 33],
    [4, 1, -1],
  ],
  [[3, 4], []],
  [[300, 70], Array.from({ length: 200 }, (_, i) => (i * 37) % 300)],
]

for (const format of formats) {
  await describeOp(`compressed ${format}`, [
    ...products.map(([shape, O]): OpCase => ({
      name: `linear x [${shape}] weight [${O},${shape.at(-1)}]`,
      inputs: { x: randomTensor(shape, 1), bias: randomTensor([O], 2) },
      int8Activations: false,
      run: ({ x, bias }) => linear(x!, weightOf(format, [O, shape.at(-1)!]), bias),
    })),
    ...lookups.map(([shape, ids]): OpCase => ({
      name: `gatherRows of [${shape}], ${ids.length} ids`,
      inputs: {},
      run: () => gatherRows(weightOf(format, shape), Int32Array.from(ids)),
    })),
    {
      name: 'linearCrossEntropy in chunks',
      inputs: { hidden: randomTensor([4, 35], 3) },
      run: ({ hidden }) =>
        linearCrossEntropy(hidden!, weightOf(format, [50, 35]), Int32Array.of(1, 49, 0, 30), Float32Array.of(1, 1, 0, 2), {
          chunk: 16,
        }),
    },
  ])
}

describe('a compressed weight', () => {
  const values = randomValues(6 * 40, 5)

  it('represents the values that its bits encode', async () => {
    await init({ device: 'cpu' })
    const rounded = {
      bf16: Float32Array.from!(
        values,
        (x) => new Float32Array(Uint32Array.of(new Uint32Array(Float32Array.of(x).buffer)[0]! & 0xffff0000).buffer)[0]!,
      ),
      f16: Float32Array.from(values, (x) => halfToFloat(floatToHalf(x))),
      int8: dequantize(quantize(values, [6, 40], { bits: 8 })),
      int4: dequantize(quantize(values, [6, 40], { bits: 4, group: 64 })),
    }
    for (const format of formats) {
      const weight = compress(format, values, [6, 40])
      expect(shapeOf(weight)).toEqual([6, 40])
      const decompressed = decompressWeight(weight)
      expect(decompressed.shape).toEqual([6, 40])
      expect(await decompressed.data()).toEqual(rounded[format])
      const x = tensor(randomValues(80, 6), [2, 40])
      const [found, expected] = [linear(x, weight), linear(x, decompressed)]
      const wanted = await expected.data()
      ;(await found.data()).forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 4))
      dispose(weight, decompressed, x, found, expected)
    }
  })

  it('keeps and frees its scales with it', async () => {
    await init({ device: 'cpu' })
    const before = memory()
    for (const format of formats) {
      const weight = scope(() => keep(compress(format, values, [6, 40])))
      const rows = decompressRows(weight, Int32Array.of(5))
      expect(rows.shape).toEqual([1, 40])
      dispose(weight, rows)
    }
    expect(memory()).toEqual(before)
  })

  it('cannot be trained, and operators that do not take it name it in their error', async () => {
    await init({ device: 'cpu' })
    const weight = compress('bf16', values, [6, 40])
    const x = tensor(randomValues(40, 6), [1, 40])
    expect(() => valueAndGradients(() => sum(linear(x, weight)), [weight])).toThrow(
      'a bf16 weight [6,40] is compressed and cannot be trained',
    )
    expect(() => matMul(x, weight, { transposeB: true })).toThrow('matMul: b is a bf16 weight [6,40]')
    expect(() => linear(tensor([1, 2], [1, 2]), weight)).toThrow('linear: x [1,2] does not fit the bf16 weight [6,40]')
    expect(() => gatherRows(weight, Int32Array.of(6))).toThrow('id 6 at position 0 is not in -1 .. 5')
    expect(() => createCompressedWeight(Int32Array.of(1), [2, 2], 'f16')).toThrow(
      '1 words for [2,2], expected 2 words of a matrix',
    )
    expect(compressedForm(x)).toBeUndefined()
    dispose(weight, x)
  })
})
