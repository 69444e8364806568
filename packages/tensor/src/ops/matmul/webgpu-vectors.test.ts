/** Every tile of products of vectors, in every format of the weight, beside the reference. */
import { afterEach, describe, expect, it } from 'vitest'
import * as ops from '../../index.ts'
import { whyMissing } from '../../testing/devices.ts'
import { halvesOf } from '../../testing/halves.ts'
import { compareWithCpu } from '../../testing/held-webgpu.ts'
import { randomTensor, randomValues } from '../../testing/random.ts'
import { vectorTileFor } from './webgpu-vectors.ts'

const missing = await whyMissing('webgpu')

/** Edges in every direction; depths that end within a tile, within a slice of it, and after one. */
const cases = [
  { tile: 128, rows: 1290, columns: 1160, depth: 20 },
  { tile: 64, rows: 600, columns: 700, depth: 36 },
  { tile: 32, rows: 70, columns: 130, depth: 132 },
  { tile: 32, rows: 5, columns: 33, depth: 64 },
] as const

describe.skipIf(missing)('products of vectors', () => {
  afterEach(() => ops.close())

  for (const { tile, rows, columns, depth } of cases) {
    it(`tiles of ${tile}: ${rows} x ${depth} x ${columns}`, async () => {
      expect(vectorTileFor(rows, columns)).toBe(tile)
      const shape = [columns, depth] as const
      const values = randomValues(columns * depth, 2)
      const inputs = {
        x: randomTensor([rows, depth], 1),
        w: { data: values, shape: [...shape] },
        bias: randomTensor([columns], 3),
      }
      await compareWithCpu(inputs, {}, ({ x, w, bias }) => ({
        f32: ops.linear(x!, w!, bias),
        bf16: ops.linear(x!, ops.createCompressedWeight(halvesOf(values, 'bf16'), shape, 'bf16'), bias),
        f16: ops.linear(x!, ops.createCompressedWeight(halvesOf(values, 'f16'), shape, 'f16')),
        int8: ops.linear(x!, ops.createCompressedQuantizedWeight(ops.quantize(values, [columns, depth], { bits: 8 })), bias),
        int4: ops.linear(x!, ops.createCompressedQuantizedWeight(ops.quantize(values, [columns, depth], { bits: 4 }))),
      }))
    })
  }
})
