import { describe, expect, it } from 'vitest'
import { init } from '../../engine/init.ts'
import { dispose, scope, withoutLeaks } from '../../engine/scope.ts'
import { valueAndGradients } from '../../engine/backward-pass.ts'
import { wantedDevices, whyMissing } from '../../testing/devices.ts'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomNumbers, randomTensor, randomValues } from '../../testing/random.ts'
import { tensor } from '../create/index.ts'
import { multiply, sum } from '../elementwise/index.ts'
import { createCompressedQuantizedWeight, createCompressedWeight } from '../compressed/index.ts'
import { quantize } from '../quantized-linear/index.ts'
import { floatToHalf, joinHalves } from '@casa-js/base/internal'
import { embedding } from './index.ts'

const next = randomNumbers(3)
const sizes: { name: string; shape: [V: number, D: number]; ids: number[] }[] = [
  { name: 'one token of one', shape: [1, 1], ids: [0] },
  { name: 'odd sizes, repeated tokens', shape: [5, 7], ids: [4, 0, 0, 4, 2] },
  { name: 'no tokens', shape: [3, 4], ids: [] },
  { name: 'past one workgroup', shape: [70, 133], ids: Array.from({ length: 300 }, () => Math.floor(next() * 70)) },
]
const compressed = {
  f16: (values: Float32Array, shape: [number, number]) =>
    createCompressedWeight(joinHalves(Array.from(values, floatToHalf)), shape, 'f16'),
  int8: (values: Float32Array, shape: [number, number]) => createCompressedQuantizedWeight(quantize(values, shape, { bits: 8 })),
  int4: (values: Float32Array, shape: [number, number]) => createCompressedQuantizedWeight(quantize(values, shape, { bits: 4 })),
}

await describeOp('embedding', [
  ...sizes.map(({ name, shape, ids }): OpCase => ({
    name,
    inputs: { table: randomTensor(shape, 1) },
    run: ({ table }) => embedding(table!, Int32Array.from(ids)),
  })),
  ...Object.entries(compressed).map(([format, compress]): OpCase => ({
    name: `a table in ${format}`,
    inputs: {},
    run: () => embedding(compress(randomValues(6 * 35, 2), [6, 35]), Int32Array.of(5, 0, 0, 3), { paddingIndex: 0 }),
  })),
])

for (const device of wantedDevices) {
  const missing = await whyMissing(device)
  describe.skipIf(missing)(`the token of paddingIndex on ${device}${missing ? ` (${missing})` : ''}`, () => {
    it.each([[[4, 1, 1, 0]], [[1, 1]], [[4, 0]], [[]]])('among %j is read like any other row and gets no gradient', (list) =>
      withoutLeaks('paddingIndex', async () => {
        await init({ device })
        const [V, D] = [5, 3]
        const ids = Int32Array.from(list)
        const host = randomTensor([V, D], 4)
        const table = tensor(host.data, host.shape)
        const weights = () => tensor(randomValues(ids.length * D, 5), [ids.length, D])
        const take = async (paddingIndex?: number) => {
          const rows = scope(() => embedding(table, ids, { paddingIndex }))
          const loss = () => sum(multiply(embedding(table, ids, { paddingIndex }), weights()))
          const { value, gradients } = valueAndGradients(loss, [table])
          const found = { rows: (await rows.data()).slice(), gradient: (await gradients[0]!.data()).slice() }
          dispose(rows, value, ...gradients)
          return found
        }
        const [plain, padded] = [await take(), await take(1)]
        expect(padded.rows).toEqual(plain.rows)
        expect(padded.gradient).toEqual(plain.gradient.map((x, i) => (Math.floor(i / D) === 1 ? 0 : x)))
        dispose(table)
      }),
    )
  })
}

describe('embedding refuses', () => {
  it('ids and padding outside the table, naming the value and its position', async () => {
    await init({ device: 'cpu' })
    const table = tensor([1, 2, 3, 4], [2, 2])
    const row = tensor([1, 2], [2])
    expect(() => embedding(table, Int32Array.of(0, 2))).toThrow('embedding: id 2 at position 1 is not in 0 .. 1')
    expect(() => embedding(table, Int32Array.of(-1))).toThrow('embedding: id -1 at position 0 is not in 0 .. 1')
    expect(() => embedding(table, Int32Array.of(0), { paddingIndex: 2 })).toThrow('paddingIndex 2 is not in 0 .. 1')
    expect(() => embedding(row, Int32Array.of(0))).toThrow('embedding: a table of shape [2], expected [V,D]')
    dispose(table, row)
  })
})
