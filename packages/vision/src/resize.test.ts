import type { RgbImage } from '@casa-js/core'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { decodeImage } from './decode.ts'
import { ImageError } from './errors.ts'
import { fixture, readGolden } from './fixtures/read-golden.ts'
import { resize, type ResizeFilter } from './resize.ts'

const golden = readGolden('images/resize.safetensors')
const flat = (widthPx: number, heightPx: number, byte: number): RgbImage => ({
  widthPx,
  heightPx,
  data: new Uint8Array(widthPx * heightPx * 3).fill(byte),
})

test.each(['china', 'flower', 'noise'])('every byte of %s is the one that Pillow gives', async (name) => {
  const image = await decodeImage(readFileSync(fixture(`images/${name}.png`)))
  const cases = Object.entries(golden).filter(([key]) => key.startsWith(name + '.'))
  expect(cases).toHaveLength(10)
  for (const [key, { data, shape }] of cases) {
    const out = resize(image, shape[1]!, shape[0]!, key.split('.')[2] as ResizeFilter)
    expect([out.heightPx, out.widthPx, 3]).toEqual(shape)
    expect(Buffer.compare(out.data, data as Uint8Array), key).toBe(0)
  }
})

test('a flat picture stays flat at every size', () => {
  const side = fc.integer({ min: 1, max: 40 })
  fc.assert(
    fc.property(
      side,
      side,
      side,
      side,
      fc.integer({ min: 0, max: 255 }),
      fc.constantFrom<ResizeFilter>('bicubic', 'bilinear'),
      (w, h, toW, toH, byte, filter) => {
        expect(resize(flat(w, h, byte), toW, toH, filter)).toEqual(flat(toW, toH, byte))
      },
    ),
  )
})

test('mirroring before or after changes nothing', () => {
  const mirrored = ({ widthPx, heightPx, data }: RgbImage) => {
    const out = flat(widthPx, heightPx, 0)
    for (let i = 0; i < data.length; i++) {
      const [y, x, channel] = [Math.floor(i / (3 * widthPx)), Math.floor(i / 3) % widthPx, i % 3]
      out.data[(y * widthPx + widthPx - 1 - x) * 3 + channel] = data[i]!
    }
    return out
  }
  const side = fc.integer({ min: 1, max: 12 })
  const worst = fc
    .sample(fc.tuple(side, side, side, fc.infiniteStream(fc.integer({ min: 0, max: 255 }))), 50)
    .map(([w, h, toW, bytes]) => {
      const image = flat(w, h, 0)
      for (let i = 0; i < image.data.length; i++) image.data[i] = bytes.next().value!
      const [a, b] = [mirrored(resize(image, toW, h)), resize(mirrored(image), toW, h)]
      return Math.max(...a.data.map((value, i) => Math.abs(value - b.data[i]!)))
    })
  // Taps are summed in the opposite order, so a weight may round differently.
  expect(Math.max(...worst)).toBeLessThanOrEqual(1)
})

test('refuses sizes that no picture has', () => {
  const image = flat(2, 2, 7)
  for (const [w, h] of [
    [0, 2],
    [2, -1],
    [1.5, 2],
    [NaN, 2],
  ])
    expect(() => resize(image, w!, h!)).toThrow(ImageError)
  expect(() => resize({ ...image, widthPx: 3 }, 2, 2)).toThrow('3 x 2 rgb pixels take 18 bytes, found 12')
  expect(() => resize({ widthPx: 0, heightPx: 0, data: new Uint8Array(0) }, 2, 2)).toThrow('0 x 0 pixels')
})
