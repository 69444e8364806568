import { EncodedPacket } from 'mediabunny'
import { expect, test } from 'vitest'
import type { Codecs, DecodedFrame, DecoderEvents } from './codecs.ts'
import { VideoError } from './errors.ts'
import { createFrameQueue } from './frame-queue.ts'

/** A decoder that outputs a frame once it holds `depth` more, earliest first, with correct timestamps or those in decoding order. */
function fakeCodecs(depth: number, { stampsFrames = true, failAt = Infinity } = {}) {
  const counts = { decoded: 0, given: 0, open: 0, flushes: 0 }
  const codecs: Codecs = {
    stampsFrames,
    isSupported: async () => true,
    createDecoder({ output, error, dequeue }: DecoderEvents) {
      const held: number[] = []
      const stamps: number[] = []
      let state: 'configured' | 'closed' = 'configured'
      let queued = 0
      const give = () => {
        const own = held.sort((a, b) => a - b).shift()!
        const handed = stamps.shift()!
        counts.given++
        counts.open++
        const frame = {
          own,
          format: 'I420',
          timestamp: stampsFrames ? own : handed,
          displayWidth: 1,
          displayHeight: 1,
          visibleRect: null,
          colorSpace: {},
          allocationSize: () => 0,
          copyTo: async () => [],
          close: () => void counts.open--,
        }
        output(frame)
      }
      return {
        get state() {
          return state
        },
        get decodeQueueSize() {
          return queued
        },
        configure: () => undefined,
        decode({ timestampUs }) {
          queued++
          counts.decoded++
          const isBad = counts.decoded === failAt
          setTimeout(() => {
            queued--
            if (isBad) {
              state = 'closed'
              error(new VideoError('a bad packet'))
              return
            }
            held.push(timestampUs)
            stamps.push(timestampUs)
            if (held.length > depth) give()
            dequeue()
          })
        },
        async flush() {
          counts.flushes++
          while (queued > 0) await new Promise((resolve) => setTimeout(resolve))
          while (held.length > 0) give()
        },
        close: () => (state = 'closed'),
      }
    },
  }
  return { codecs, counts }
}

/** Packets at the given times, in decoding order; before some, others were skipped. */
function packetsAt(times: number[], restarts: number[] = []) {
  let at = 0
  return async () => {
    if (at === times.length) return undefined
    const timeS = times[at]!
    const packet = new EncodedPacket(new Uint8Array(1), at === 0 || restarts.includes(at) ? 'key' : 'delta', timeS, 0.1, at)
    return { packet, restart: restarts.includes(at++) }
  }
}
const config = { codec: 'avc1.64000d' }
/** As encoders order I, P and B pictures: 0 3 1 2 6 4 5 ... */
const decodingOrder = (groups: number) => [
  0,
  ...Array.from({ length: groups }, (_, i) => [3, 1, 2].map((k) => (3 * i + k) / 10)).flat(),
]

test.each([true, false])('frames come in order with the times of their own packets (stamped: %s)', async (stampsFrames) => {
  const { codecs, counts } = fakeCodecs(3, { stampsFrames })
  const queue = createFrameQueue(codecs, config, packetsAt(decodingOrder(10)))
  const times = []
  for (let timed = await queue.next(); timed; timed = await queue.next()) {
    expect((timed.frame as DecodedFrame & { own: number }).own).toBe(Math.round(timed.startS * 1e6))
    times.push(timed.startS)
    timed.frame.close()
  }
  expect(times).toEqual(Array.from({ length: 31 }, (_, i) => i / 10))
  expect(counts).toMatchObject({ open: 0, flushes: 1 })
  expect(await queue.next()).toBeUndefined()
})

test('nothing is decoded ahead but what the decoder holds and its queue', async () => {
  for (const depth of [0, 2, 8]) {
    const { codecs, counts } = fakeCodecs(depth)
    const queue = createFrameQueue(codecs, config, packetsAt(Array.from({ length: 200 }, (_, i) => i / 10)))
    for (let taken = 1; taken <= 100; taken++) {
      ;(await queue.next())!.frame.close()
      // Regardless of how long the reader takes.
      if (taken % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 60))
      expect(counts.decoded - taken).toBeLessThanOrEqual(depth + 2)
    }
    queue.close()
    expect(counts.open).toBe(0)
  }
})

test('the decoder is emptied where packets were left out', async () => {
  const { codecs, counts } = fakeCodecs(4, { stampsFrames: false })
  const queue = createFrameQueue(codecs, config, packetsAt([0, 0.1, 0.2, 7, 7.1, 7.2], [3]))
  const times = []
  for (let timed = await queue.next(); timed; timed = await queue.next()) times.push(timed.startS)
  expect(times).toEqual([0, 0.1, 0.2, 7, 7.1, 7.2])
  expect(counts.flushes).toBe(2)
})

test('what a decoder reports arrives behind the frames that came first', async () => {
  const { codecs } = fakeCodecs(0, { failAt: 4 })
  const queue = createFrameQueue(codecs, config, packetsAt([0, 0.1, 0.2, 0.3, 0.4]))
  for (let i = 0; i < 3; i++) expect((await queue.next())!.startS).toBe(i / 10)
  await expect(queue.next()).rejects.toThrow('a bad packet')
  queue.close()
})

test('closing ends a wait and frees what is ready', async () => {
  const { codecs, counts } = fakeCodecs(2)
  const queue = createFrameQueue(codecs, config, () => new Promise(() => undefined))
  const waiting = createFrameQueue(codecs, config, packetsAt([0, 0.1, 0.2, 0.3]))
  ;(await waiting.next())!.frame.close()
  waiting.close()
  waiting.close()
  expect(await waiting.next()).toBeUndefined()
  queue.close()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(counts.open).toBe(0)
})

test('pictures of VP8 that are never shown have no frame', async () => {
  const { codecs } = fakeCodecs(0, { stampsFrames: false })
  const shown = Uint8Array.of(0x10)
  const packets = [0, 0.1].map((timeS, i) => new EncodedPacket(shown, i === 0 ? 'key' : 'delta', timeS, 0.1, i))
  const queue = createFrameQueue(codecs, { codec: 'vp8' }, async () => {
    const packet = packets.shift()
    return packet && { packet, restart: false }
  })
  expect((await queue.next())!.startS).toBe(0)
  expect((await queue.next())!.startS).toBe(0.1)
})
