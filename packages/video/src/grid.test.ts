import fc from 'fast-check'
import { expect, test } from 'vitest'
import { framesOnGrid } from './grid.ts'
import type { Shown, ShownReel } from './reel.ts'

/** A reel of pictures that start at the given times; the first byte of each is its index. Counts open and decoded pictures. */
function reelOf(timesS: readonly number[], endS?: number) {
  const counts = { open: 0, decoded: 0 }
  async function* shown(): AsyncGenerator<Shown> {
    for (const [index, startS] of timesS.entries()) {
      counts.open++
      yield {
        startS,
        ...(endS !== undefined && index === timesS.length - 1 && { endS }),
        image: async () => {
          counts.decoded++
          return { widthPx: 1, heightPx: 1, data: Uint8Array.of(index, 0, 0) }
        },
        close: () => void counts.open--,
      }
    }
  }
  const reel: ShownReel = {
    info: { startMs: 0, decoder: 'pictures', live: false },
    startS: timesS[0] ?? 0,
    shown,
    close: () => undefined,
  }
  return { reel, counts }
}

const read = async (reel: ShownReel, options: Parameters<typeof framesOnGrid>[1]) => {
  const found: [index: number, timeMs: number][] = []
  for await (const { image, timeMs } of framesOnGrid(reel, options)) found.push([image.data[0]!, timeMs])
  return found
}

const gaps = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 })

test('every time has the last picture that has begun, none is missing, and none is at the end', async () => {
  await fc.assert(
    fc.asyncProperty(
      gaps,
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 0, max: 50 }),
      async (ticks, framesPerSecond, first) => {
        // In 64ths of a second, so that sums are exact.
        const times = [first / 64]
        for (const gap of ticks) times.push(times.at(-1)! + gap / 64)
        const endS = times.pop()!
        const { reel, counts } = reelOf(times, endS)
        const expected = []
        for (let i = 0; first / 64 + i / framesPerSecond < endS - 1e-6; i++) {
          const timeS = first / 64 + i / framesPerSecond
          expected.push([times.findLastIndex((startS) => startS <= timeS + 1e-6), timeS * 1000])
        }
        expect(await read(reel, { framesPerSecond })).toEqual(expected)
        expect(counts.open).toBe(0)
        // A repeated picture is decoded once, a skipped one never.
        expect(counts.decoded).toBe(new Set(expected.map(([index]) => index)).size)
      },
    ),
  )
})

test('a part is what the whole shows then', async () => {
  await fc.assert(
    fc.asyncProperty(gaps, fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1, max: 300 }), async (ticks, from, length) => {
      const times = [0]
      for (const gap of ticks) times.push(times.at(-1)! + gap / 64)
      const endS = times.pop()!
      const [fromS, toS] = [from / 64, (from + length) / 64]
      const whole = await read(reelOf(times, endS).reel, { framesPerSecond: 64 })
      const part = await read(reelOf(times, endS).reel, { framesPerSecond: 64, from: fromS, to: toS })
      expect(part).toEqual(whole.filter(([, timeMs]) => timeMs >= fromS * 1000 && timeMs < toS * 1000))
    }),
  )
})

test('a picture without an end is shown as long as the one before it, a single one for one frame', async () => {
  expect(await read(reelOf([0, 0.5]).reel, { framesPerSecond: 4 })).toEqual([
    [0, 0],
    [0, 250],
    [1, 500],
    [1, 750],
  ])
  expect(await read(reelOf([0]).reel, { framesPerSecond: 4 })).toEqual([[0, 0]])
  expect(await read(reelOf([]).reel, { framesPerSecond: 4 })).toEqual([])
})

test('a start later than `from` leaves out what is before it', async () => {
  expect(await read(reelOf([1.1, 1.6], 2).reel, { framesPerSecond: 2, from: 0 })).toEqual([[0, 1500]])
})

test('leaving the loop closes every picture', async () => {
  const { reel, counts } = reelOf([0, 1, 2, 3])
  for await (const { timeMs } of framesOnGrid(reel, { framesPerSecond: 1 })) if (timeMs === 1000) break
  expect(counts.open).toBe(0)
})
