import { expect, it } from 'vitest'
import { createFrameQueue } from './frame-queue.ts'

const frame = (timeMs: number) => ({ image: { widthPx: 1, heightPx: 1, data: Uint8Array.of(timeMs, 0, 0) }, timeMs })

it('the newest frame waits, older ones are dropped and counted', async () => {
  const queue = createFrameQueue()
  const frames = queue.frames()
  queue.push(frame(1))
  expect((await frames.next()).value).toMatchObject({ timeMs: 1, dropped: 0 })
  for (const timeMs of [2, 3, 4]) queue.push(frame(timeMs))
  expect((await frames.next()).value).toMatchObject({ timeMs: 4, dropped: 2 })
  const next = frames.next()
  queue.push(frame(5))
  expect((await next).value).toMatchObject({ timeMs: 5, dropped: 0 })
})

it('ends after the last frame that waits', async () => {
  const queue = createFrameQueue()
  const frames = queue.frames()
  queue.push(frame(1))
  queue.end()
  queue.push(frame(2))
  expect((await frames.next()).value).toMatchObject({ timeMs: 1 })
  expect(await frames.next()).toEqual({ value: undefined, done: true })
  const empty = createFrameQueue()
  const waiting = empty.frames().next()
  empty.end()
  expect(await waiting).toEqual({ value: undefined, done: true })
})

it('closes bitmaps that nobody sees', async () => {
  let closed = 0
  const bitmap = () => ({ image: { close: () => closed++ } as unknown as ImageBitmap, timeMs: 0 })
  const queue = createFrameQueue()
  queue.push(bitmap())
  queue.push(bitmap())
  expect(closed).toBe(1)
  const frames = queue.frames()
  queue.end()
  queue.push(bitmap())
  expect(closed).toBe(2)
  await frames.return()
})
