import sharp from 'sharp'
import { expect, test } from 'vitest'
import { animationFrames } from './animation.ts'
import { ImageError } from './errors.ts'

/** Frames of one colour each, `step` brighter from one to the next. */
function animation(type: 'gif' | 'webp', frames: number, delay: number[], side = 8, step = 3, effort = 7) {
  const data = new Uint8Array(side * side * 3 * frames).map((_, i) => Math.floor(i / (side * side * 3)) * step)
  const raw = sharp(data, { raw: { width: side, height: side * frames, channels: 3, pageHeight: side } })
  // Otherwise identical frames would be merged.
  const gif = { effort, interFrameMaxError: 0, interPaletteMaxError: 0, keepDuplicateFrames: true }
  return (type === 'gif' ? raw.gif({ delay, ...gif }) : raw.webp({ lossless: true, delay })).toBuffer()
}

test.each(['gif', 'webp'] as const)('every frame of a %s in order, with its own duration', async (type) => {
  const delays = Array.from({ length: 70 }, (_, i) => (type === 'gif' && i % 3 === 0 ? 0 : 10 * (i + 2)))
  const file = await animation(type, 70, delays)
  let index = 0
  for await (const { durationMs, image } of animationFrames(file)) {
    const { widthPx, heightPx, data } = await image()
    expect([widthPx, heightPx, data.length]).toEqual([8, 8, 192])
    expect(new Set(data)).toEqual(new Set([index * 3]))
    expect(durationMs).toBe(delays[index] || 100)
    index++
  }
  expect(index).toBe(70)
})

test('a still image has one frame without a duration', async () => {
  const file = await sharp({ create: { width: 3, height: 2, channels: 3, background: 'red' } })
    .gif()
    .toBuffer()
  const frames = []
  for await (const frame of animationFrames(file)) frames.push({ ms: frame.durationMs, image: await frame.image() })
  expect(frames).toEqual([
    { ms: 0, image: { widthPx: 3, heightPx: 2, data: new Uint8Array(18).map((_, i) => (i % 3 === 0 ? 255 : 0)) } },
  ])
})

test('pages are decoded a few at a time, however many there are', async () => {
  const gif = await animation('gif', 80, Array(80).fill(65_530), 1000, 4, 1)
  let most = 0
  const before = process.memoryUsage().rss
  for await (const { image, durationMs } of animationFrames(gif)) {
    expect(durationMs).toBe(65_530)
    expect((await image()).data.length).toBe(3_000_000)
    most = Math.max(most, process.memoryUsage().rss - before)
  }
  // All pages are 240 MB; other tests' garbage is part of what is measured.
  expect(most).toBeLessThan(150e6)
})

test('a truncated animation is refused, naming the file', async () => {
  const webp = await animation('webp', 5, [50, 50, 50, 50, 50])
  const all = async () => {
    for await (const { image } of animationFrames(webp.subarray(0, webp.length - 40), { name: 'torn.webp' })) await image()
  }
  await expect(all()).rejects.toThrow(ImageError)
  await expect(all()).rejects.toThrow(/^torn\.webp: /)
})
