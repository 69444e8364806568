import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { decodeImage } from './decode.ts'
import { fixture, readGolden } from './fixtures/read-golden.ts'
import { blockOrder, clipStd, clipMean, patchify } from './patchify.ts'
import { resize } from './resize.ts'
import { smartResize } from './smart-resize.ts'

const golden = readGolden('images/patches.safetensors')
const stock = { patchSizePx: 14, mergeSize: 2, frames: 2, mean: clipMean, std: clipStd }

const prepared = async (name: string) => {
  const image = await decodeImage(readFileSync(fixture(`images/${name}.png`)))
  const size = smartResize(image, 28, 28 * 28 * 4, 28 * 28 * 16)
  return resize(image, size.widthPx, size.heightPx)
}

test.each(['china', 'flower', 'noise'])('%s: the same patches as the stock processor, bit for bit', async (name) => {
  const { values, grid, valuesPerPatch } = patchify(await prepared(name), stock)
  const expected = golden[`${name}.pixel_values`]!
  expect([1, grid.rows, grid.columns]).toEqual(Array.from(golden[`${name}.grid`]!.data))
  expect([grid.rows * grid.columns, valuesPerPatch]).toEqual(expected.shape)
  expect(Buffer.compare(Buffer.from(values.buffer), Buffer.from(expected.data.buffer))).toBe(0)
})

test('a single frame is every other block of the doubled one', async () => {
  const image = await prepared('noise')
  const [one, two] = [patchify(image, { ...stock, frames: 1 }), patchify(image, stock)]
  expect(one.valuesPerPatch).toBe(588)
  const pixels = 14 * 14
  for (let i = 0; i < one.values.length; i++) {
    const [patch, channel, pixel] = [Math.floor(i / 588), Math.floor((i % 588) / pixels), i % pixels]
    for (const frame of [0, 1]) expect(two.values[patch * 1176 + (channel * 2 + frame) * pixels + pixel]).toBe(one.values[i])
  }
})

test('block order is a permutation that keeps blocks together', () => {
  const count = fc.integer({ min: 1, max: 6 })
  fc.assert(
    fc.property(count, count, fc.integer({ min: 1, max: 3 }), (blockRows, blockColumns, merge) => {
      const [rows, columns] = [blockRows * merge, blockColumns * merge]
      const seen = new Map<number, [number, number]>()
      for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) seen.set(blockOrder(r, c, columns, merge), [r, c])
      expect([...seen.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: rows * columns }, (_, i) => i))
      for (const [index, [r, c]] of seen) {
        const [firstRow, firstColumn] = seen.get(index - (index % (merge * merge)))!
        expect([Math.floor(r / merge), Math.floor(c / merge)]).toEqual([firstRow / merge, firstColumn / merge])
      }
    }),
  )
})

test('refuses sides that are no multiple of a block', () => {
  const image = { widthPx: 28, heightPx: 30, data: new Uint8Array(28 * 30 * 3) }
  expect(() => patchify(image, stock)).toThrow('28 x 30 pixels do not divide into blocks of 28')
})
