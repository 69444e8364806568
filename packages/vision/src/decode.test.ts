import { readFileSync } from 'node:fs'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { decodeImage, encodePng } from './decode.ts'
import { ImageError } from './errors.ts'
import { fixture } from './fixtures/read-golden.ts'

const png = readFileSync(fixture('images/china.png'))

/** A picture whose left half is red and right half blue. */
const halves = (width: number, height: number) => {
  const data = new Uint8Array(width * height * 3)
  for (let i = 0; i < width * height; i++) data[i * 3 + (i % width < width / 2 ? 0 : 2)] = 255
  return sharp(data, { raw: { width, height, channels: 3 } })
}
const pixel = ({ data, widthPx }: { data: Uint8Array; widthPx: number }, x: number, y: number) =>
  Array.from(data.subarray((y * widthPx + x) * 3, (y * widthPx + x) * 3 + 3))

describe('decoding', () => {
  test('png, jpeg and webp of one picture agree', async () => {
    const exact = await decodeImage(png)
    expect([exact.widthPx, exact.heightPx]).toEqual([159, 143])
    for (const file of [await sharp(png).jpeg({ quality: 95 }).toBuffer(), await sharp(png).webp({ quality: 95 }).toBuffer()]) {
      const lossy = await decodeImage(file)
      expect([lossy.widthPx, lossy.heightPx]).toEqual([159, 143])
      const difference = lossy.data.reduce((sum, byte, i) => sum + Math.abs(byte - exact.data[i]!), 0) / exact.data.length
      expect(difference).toBeLessThan(6)
    }
    expect((await decodeImage(await sharp(png).webp({ lossless: true }).toBuffer())).data).toEqual(exact.data)
  })

  test('one pixel, and back through png', async () => {
    const image = { widthPx: 1, heightPx: 1, data: Uint8Array.of(1, 2, 3) }
    expect(await decodeImage(await encodePng(image))).toEqual(image)
  })

  test('a strip of 20,000 pixels', async () => {
    const image = await decodeImage(await halves(20_000, 3).png().toBuffer())
    expect([image.widthPx, image.heightPx, pixel(image, 19_999, 2)]).toEqual([20_000, 3, [0, 0, 255]])
  })

  test.each([
    [1, [4, 2]],
    [3, [4, 2]],
    [6, [2, 4]],
    [8, [2, 4]],
  ] as const)('EXIF orientation %i is applied', async (orientation, size) => {
    const image = await decodeImage(await halves(4, 2).withMetadata({ orientation }).png().toBuffer())
    expect([image.widthPx, image.heightPx]).toEqual(size)
    // Where the red left half lies after the turn: left, right, top, bottom.
    const red = { 1: [0, 0], 3: [3, 0], 6: [0, 0], 8: [0, 3] }[orientation]
    expect(pixel(image, red[0]!, red[1]!)).toEqual([255, 0, 0])
  })

  test('transparency is composited over white', async () => {
    const rgba = Uint8Array.of(200, 0, 0, 0, 200, 0, 0, 255, 0, 0, 0, 128, 9, 9, 9, 255)
    const image = await decodeImage(
      await sharp(rgba, { raw: { width: 4, height: 1, channels: 4 } })
        .png()
        .toBuffer(),
    )
    expect([pixel(image, 0, 0), pixel(image, 1, 0), pixel(image, 3, 0)]).toEqual([
      [255, 255, 255],
      [200, 0, 0],
      [9, 9, 9],
    ])
    expect(Math.abs(pixel(image, 2, 0)[0]! - 127)).toBeLessThanOrEqual(1)
  })

  test('grey, with and without transparency', async () => {
    const grey = sharp(Uint8Array.of(0, 90, 255), { raw: { width: 3, height: 1, channels: 1 } })
    const image = await decodeImage(await grey.clone().toColourspace('b-w').png().toBuffer())
    expect(Array.from(image.data)).toEqual([0, 0, 0, 90, 90, 90, 255, 255, 255])
    const withAlpha = sharp(Uint8Array.of(7, 0, 7, 255), { raw: { width: 2, height: 1, channels: 2 } })
    expect(Array.from((await decodeImage(await withAlpha.png().toBuffer())).data)).toEqual([255, 255, 255, 7, 7, 7])
  })

  test('16-bit samples keep their upper byte', async () => {
    const samples = Uint16Array.of(0x0000, 0x12ff, 0xffff, 0x8001, 0x00ff, 0x4000)
    const file = await sharp(samples, { raw: { width: 2, height: 1, channels: 3 } })
      .toColourspace('rgb16')
      .png()
      .toBuffer()
    expect((await sharp(file).metadata()).depth).toBe('ushort')
    expect(Array.from((await decodeImage(file)).data)).toEqual([0x00, 0x12, 0xff, 0x80, 0x00, 0x40])
  })

  test('16-bit transparency is composited over white', async () => {
    const samples = Uint16Array.of(0x1000, 0x1000, 0x1000, 0x0000, 0x1000, 0x1000, 0x1000, 0xffff)
    const file = await sharp(samples, { raw: { width: 2, height: 1, channels: 4 } })
      .toColourspace('rgb16')
      .png()
      .toBuffer()
    expect(Array.from((await decodeImage(file)).data)).toEqual([255, 255, 255, 16, 16, 16])
  })

  test('a colour profile is ignored, as Pillow does', async () => {
    const file = await halves(4, 2).withIccProfile('p3').png().toBuffer()
    const stored = await sharp(file, { ignoreIcc: true }).raw().toBuffer()
    const managed = await sharp(file).raw().toBuffer()
    expect(Buffer.compare(stored, managed)).not.toBe(0)
    expect(Buffer.compare((await decodeImage(file)).data, stored)).toBe(0)
  })

  test('a CMYK jpeg becomes rgb', async () => {
    const file = await halves(16, 8).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer()
    expect((await sharp(file).metadata()).space).toBe('cmyk')
    const image = await decodeImage(file)
    expect(image.data).toHaveLength(16 * 8 * 3)
    const [left, right] = [pixel(image, 1, 4), pixel(image, 14, 4)]
    expect(left[0]).toBeGreaterThan(left[2]! + 100)
    expect(right[2]).toBeGreaterThan(right[0]! + 30)
  })

  test('the first frame of an animation', async () => {
    const frames = new Uint8Array(2 * 2 * 4 * 3).fill(255, 2 * 2 * 3 * 2)
    const file = await sharp(frames, { raw: { width: 2, height: 8, channels: 3, pageHeight: 4 } })
      .webp({ lossless: true, delay: [10, 10] })
      .toBuffer()
    expect((await sharp(file).metadata()).pages).toBe(2)
    expect(await decodeImage(file)).toEqual({ widthPx: 2, heightPx: 4, data: new Uint8Array(24) })
  })

  test('an ArrayBuffer, and a view into a larger one', async () => {
    const padded = new Uint8Array(png.length + 20)
    padded.set(png, 10)
    const [a, b] = [await decodeImage(new Uint8Array(png).buffer), await decodeImage(padded.subarray(10, 10 + png.length))]
    expect(a).toEqual(b)
  })
})

describe('refusals', () => {
  const refusal = async (bytes: Uint8Array, options = {}) => {
    const error = await decodeImage(bytes, options).catch((e) => e)
    expect(error).toBeInstanceOf(ImageError)
    return error.message as string
  }

  test('an empty file, and bytes that are not an image', async () => {
    expect(await refusal(new Uint8Array(0), { name: 'cat.png' })).toBe(
      'cat.png: the file is empty; expected PNG, JPEG, WebP, GIF, AVIF, TIFF or BMP',
    )
    expect(await refusal(Buffer.from('hello, world'))).toContain(
      'no PNG, JPEG, WebP, GIF, AVIF, TIFF or BMP header in 12 bytes that start with 68 65 6c 6c 6f',
    )
  })

  test('truncated and corrupt files', async () => {
    const files = { png, jpeg: await sharp(png).jpeg().toBuffer(), webp: await sharp(png).webp().toBuffer() }
    for (const [type, file] of Object.entries(files)) {
      expect(await refusal(file.subarray(0, Math.floor(file.length * 0.6)), { name: 'half' })).toMatch(
        new RegExp(`^half: the ${type} file of \\d+ bytes cannot be decoded, it may be truncated or damaged: `),
      )
      await refusal(file.subarray(0, 14))
    }
  })

  test('a header that declares no pixels', async () => {
    const header = Buffer.from(png)
    header.writeUInt32BE(0, 16)
    header.writeUInt32BE(0, 20)
    expect(await refusal(header)).toMatch(/the png file of \d+ bytes cannot be decoded, it may be truncated or damaged: .*header/)
  })

  test('more pixels than allowed, refused before decoding', async () => {
    const header = Buffer.from(png.subarray(0, 64))
    header.writeUInt32BE(20_000, 16)
    header.writeUInt32BE(20_000, 20)
    expect(await refusal(header)).toContain(
      '20000 x 20000 pixels are more than the 89478485 allowed; scale it down or raise maxPixels',
    )
    expect(await refusal(png, { maxPixels: 1000 })).toContain('159 x 143 pixels are more than the 1000 allowed')
  })

  test('encoding data that does not fit its size', async () => {
    await expect(encodePng({ widthPx: 2, heightPx: 2, data: new Uint8Array(3) })).rejects.toThrow(
      '2 x 2 rgb pixels take 12 bytes, found 3',
    )
    await expect(encodePng({ widthPx: 0, heightPx: 0, data: new Uint8Array(0) })).rejects.toThrow('0 x 0 pixels')
  })
})
