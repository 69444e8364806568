/** Unusual but valid files, and hostile ones, in Node; the browser's tests are in platform.browser.test.ts. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decodeImage } from './decode.ts'
import { ImageError } from './errors.ts'
import { oddFiles, readOdd } from './fixtures/odd-files.ts'
import { fixture } from './fixtures/read-golden.ts'
import { readJpegHeader } from './jpeg-header.ts'
import { loadImage } from './load.ts'
import { resize, type ResizeFilter } from './resize.ts'

const refusal = async (image: Promise<unknown>) => {
  const error = await image.then(
    () => undefined,
    (e: unknown) => e,
  )
  expect(error).toBeInstanceOf(ImageError)
  return (error as Error).message
}

describe('as Pillow reads them', () => {
  test.each(oddFiles)('%s', async (name) => {
    const { file, expected } = readOdd(name)
    const [image, right] = [await decodeImage(file), await decodeImage(expected)]
    expect([image.widthPx, image.heightPx]).toEqual([right.widthPx, right.heightPx])
    const worst = image.data.reduce((most, byte, i) => Math.max(most, Math.abs(byte - right.data[i]!)), 0)
    expect(worst).toBeLessThanOrEqual(1)
  })

  test('a CMYK picture is turned by EXIF as others are', async () => {
    const { file, expected } = readOdd('cmyk-inks.jpg')
    const exif = Buffer.from('ffe1001e457869660000' + '4d4d002a00000008' + '0001011200030000000100060000' + '0000', 'hex')
    const turned = await decodeImage(Buffer.concat([file.subarray(0, 2), exif, file.subarray(2)]))
    const right = await sharp(expected).rotate(90).raw().toBuffer()
    expect([turned.widthPx, turned.heightPx]).toEqual([24, 40])
    expect(Buffer.compare(Buffer.from(turned.data), right)).toBe(0)
  })

  test('a picture more than 100 times as high as wide is resized in the order of Pillow', async () => {
    const tall = await decodeImage(readOdd('tall.png').file)
    for (const [w, h] of [
      [9, 201],
      [3, 400],
      [7, 29],
      [2, 700],
      [30, 401],
    ] as const)
      for (const filter of ['bicubic', 'bilinear'] satisfies ResizeFilter[]) {
        const right = await decodeImage(readOdd(`tall.${w}x${h}.${filter}.png`).file)
        expect(resize(tall, w, h, filter), `${w} x ${h} ${filter}`).toEqual(right)
      }
  })
})

/** A small JPEG that declares `side` x `side` pixels, with a header that misleads a simple parser. */
async function bomb(mislead: (small: Buffer, frameAt: number) => Buffer): Promise<Buffer> {
  const file = await sharp({ create: { width: 16, height: 16, channels: 3, background: 'red' } })
    .jpeg()
    .toBuffer()
  const frameAt = file.indexOf(Buffer.from([0xff, 0xc0]))
  const misled = mislead(file, frameAt)
  const at = misled.lastIndexOf(Buffer.from([0xff, 0xc0]))
  misled.writeUInt16BE(20_000, at + 5)
  misled.writeUInt16BE(20_000, at + 7)
  return misled
}
const segment = (code: number, body: Buffer) => {
  const head = Buffer.from([0xff, code, 0, 0])
  head.writeUInt16BE(body.length + 2, 2)
  return Buffer.concat([head, body])
}

describe('the limit of pixels holds for JPEGs', () => {
  const smallFrame = Buffer.from('ffc00011080010001003012200021101031101', 'hex')
  const cases: Record<string, (file: Buffer, at: number) => Buffer> = {
    plainly: (file) => Buffer.from(file),
    'behind a comment that holds a smaller frame': (file, at) =>
      Buffer.concat([file.subarray(0, at), segment(0xfe, smallFrame), file.subarray(at)]),
    'behind an EXIF thumbnail with a frame of its own': (file, at) =>
      Buffer.concat([
        file.subarray(0, 2),
        segment(0xe1, Buffer.concat([Buffer.from('Exif\0\0'), smallFrame])),
        file.subarray(2, at),
        file.subarray(at),
      ]),
    'behind fill bytes': (file, at) => Buffer.concat([file.subarray(0, at), Buffer.alloc(7, 0xff), file.subarray(at)]),
    'behind stray bytes that look like a segment': (file, at) =>
      Buffer.concat([file.subarray(0, at), Buffer.from('0000c000110800100010', 'hex'), file.subarray(at)]),
    'behind markers without a length': (file, at) =>
      Buffer.concat([file.subarray(0, at), Buffer.from('ff01ff01', 'hex'), file.subarray(at)]),
  }
  test.each(Object.entries(cases))('%s', async (_, mislead) => {
    const file = await bomb(mislead)
    const before = process.memoryUsage().rss
    expect(await refusal(decodeImage(file, { name: 'bomb.jpg' }))).toBe(
      'bomb.jpg: 20000 x 20000 pixels are more than the 89478485 allowed; scale it down or raise maxPixels',
    )
    expect(process.memoryUsage().rss - before).toBeLessThan(100e6)
    expect(readJpegHeader(file)).toEqual({ widthPx: 20_000, heightPx: 20_000 })
  })

  test('two frames are refused by the decoder', async () => {
    const file = await bomb((small, at) => Buffer.concat([small.subarray(0, at), smallFrame, small.subarray(at)]))
    expect(await refusal(decodeImage(file))).toMatch(/cannot be decoded/)
  })
})

test('a strip of 9 million rows takes no longer than its pixels need', async () => {
  const image = { widthPx: 1, heightPx: 9_000_000, data: new Uint8Array(27_000_000).fill(70) }
  const before = process.cpuUsage()
  expect(resize(image, 32, 32).data).toEqual(new Uint8Array(32 * 32 * 3).fill(70))
  expect(process.cpuUsage(before).user / 1e6).toBeLessThan(3)
})

describe('what is no picture says what it is', () => {
  test.each([
    ['ftypheic', '\0\0\0\x18ftypheic\0\0\0\0mif1heic', /HEIC.*heif-convert/],
    ['a mif1 with HEVC', '\0\0\0\x18ftypmif1\0\0\0\0mif1heic', /HEIC/],
    ['mp4', '\0\0\0\x18ftypisom\0\0\0\0isomiso2', /video \(MP4\).*openVideo/],
    ['mov', '\0\0\0\x14ftypqt  \0\0\0\0qt  ', /video \(MOV\)/],
    ['webm', '\x1aE\xdf\xa3\x9fB\x86\x81', /video \(WebM or Matroska\)/],
    ['avi', 'RIFF\0\0\0\0AVI LIST', /video \(AVI\)/],
    ['pdf', '%PDF-1.7\n', /PDF.*pdftoppm/],
    ['svg', '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', /SVG.*rsvg-convert/],
    ['html', '\n<!DOCTYPE html><html>', /web page/],
    ['git-lfs', 'version https://git-lfs.github.com/spec/v1\noid sha256:', /git lfs pull/],
    ['jpeg xl', '\xff\x0a\xfa\x1f', /JPEG XL/],
    ['photoshop', '8BPS\0\x01', /Photoshop/],
    ['text', 'BMW is a car, not a picture', /no PNG, JPEG, WebP, GIF, AVIF, TIFF or BMP header in 27 bytes/],
  ])('%s', async (_, start, message) => {
    expect(await refusal(decodeImage(Buffer.from(start, 'latin1'), { name: 'thing' }))).toMatch(message)
  })
})

describe('loadImage', () => {
  const folder = mkdtempSync(join(tmpdir(), 'casa-load-'))
  const china = fixture('images/china.png')
  const server = createServer((request, response) => {
    if (request.url === '/missing') return response.writeHead(404).end()
    if (request.url === '/china.png') return response.end(readFileSync(china))
    // A response that never ends.
    const timer = setInterval(() => response.write(Buffer.alloc(1 << 16)), 1)
    response.on('close', () => clearInterval(timer))
  })
  let address = ''
  beforeAll(() =>
    new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)).then(() => {
      address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    }),
  )
  afterAll(() => server.closeAllConnections())

  test('from a path, a URL and a Blob', async () => {
    const right = await decodeImage(readFileSync(china))
    const sources = [china, new URL('file://' + china), `${address}/china.png`, new Blob([readFileSync(china)])]
    for (const source of sources) expect(await loadImage(source)).toEqual(right)
    const data = `data:image/png;base64,${readFileSync(china).toString('base64')}`
    expect(await loadImage(data)).toEqual(right)
  })

  test('what has no end, or is no file, is refused at once', async () => {
    const fifo = join(folder, 'fifo')
    execFileSync('mkfifo', [fifo])
    expect(await refusal(loadImage(fifo))).toBe(
      `${fifo}: this is a pipe or a device, which may have no end; expected a regular file`,
    )
    expect(await refusal(loadImage('/dev/zero'))).toContain('this is a pipe or a device')
    expect(await refusal(loadImage(folder))).toContain('this is a folder')
    expect(await refusal(loadImage(join(folder, 'absent.png')))).toContain('there is no such file')
    expect(await refusal(loadImage(`${address}/endless`, { maxBytes: 1e6 }))).toMatch(/bytes are more than the 1000000 allowed/)
    expect(await refusal(loadImage(`${address}/missing`))).toContain('the server answered 404')
    const large = join(folder, 'large.png')
    writeFileSync(large, Buffer.alloc(5000))
    expect(await refusal(loadImage(large, { maxBytes: 4999 }))).toContain('5000 bytes are more than the 4999 allowed')
  })

  test('an abort ends it with its reason', async () => {
    const reason = new Error('enough')
    await expect(loadImage(china, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const loading = loadImage(`${address}/endless`, { signal: controller.signal })
    setTimeout(() => controller.abort(reason), 50)
    await expect(loading).rejects.toBe(reason)
  })
})
