/** The streaming bench: what a turn leaves in the cache, and how turns become a table. */
import { close, init } from '@casa-js/tensor'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { contestants, createContestant, shapes, type ContestantName } from './contestants.ts'
import { streamTurns, textTokensPerTurn, type Turn } from './protocol.ts'
import { formatPage, formatRuns, streamCharts } from './stream-page.ts'
import { median, summarise, type StreamRun } from './stream-summary.ts'

beforeAll(() => init({ device: 'wasm' }).then(() => {}))
afterAll(() => close())

/** A small model: what is in the cache does not depend on the size. */
const { vision } = shapes.shipped
const shape = {
  ...shapes.shipped,
  text: { ...shapes.shipped.text, hidden_size: 48, intermediate_size: 64, num_hidden_layers: 2 },
  vision: { ...vision, stem_channels: [8, 16, 32, 48], hidden_size: 48, depth: 1, intermediate_size: 64, out_hidden_size: 48 },
}

describe('a turn', () => {
  const imagesInCache: Record<ContestantName, number> = { casa: 0, shared: 0, ca: 0, replace: 0, 'q-former': 8, insertion: 36 }
  it.each(Object.entries(imagesInCache) as [ContestantName, number][])(
    'of %s leaves 18 text tokens and %i image tokens in the cache',
    async (name, images) => {
      const vlm = createContestant(name, shape, 512)
      try {
        const turns = await streamTurns(vlm, { turns: 4, framePx: shape.framePx, capacityTokens: 512 })
        const grown = turns.slice(1).map(({ cachedTokens }, i) => cachedTokens - turns[i]!.cachedTokens)
        expect(grown).toEqual(Array(3).fill(textTokensPerTurn + images))
        // Of the fusion's state, a window more or less; the weights and the cache stay as they are.
        const [first, last] = [turns[1]!.bytes, turns[3]!.bytes]
        expect(last).toBe(first)
      } finally {
        vlm.dispose()
      }
    },
  )

  it('beyond the capacity forgets the oldest text', async () => {
    const vlm = createContestant('casa', shape, 128)
    try {
      const turns = await streamTurns(vlm, { turns: 12, framePx: shape.framePx, capacityTokens: 128 })
      expect(Math.max(...turns.map(({ cachedTokens }) => cachedTokens))).toBeLessThanOrEqual(128)
      expect(turns.some(({ cachedTokens }, i) => i > 0 && cachedTokens < turns[i - 1]!.cachedTokens)).toBe(true)
    } finally {
      vlm.dispose()
    }
  })
})

const turn = (index: number, slower = 0): Turn => ({
  firstTokenMs: 10 + index + slower,
  decodeMs: 100 + index,
  cachedTokens: 18 * (index + 1),
  bytes: 1000,
})

test('the first and the last tenth, by medians, of the shortest of each turn', () => {
  const turns = Array.from({ length: 100 }, (_, index) => turn(index))
  const measures = summarise([turns.map((each) => ({ ...each, firstTokenMs: each.firstTokenMs + 50 })), turns])
  expect(measures.firstTokenMs).toEqual({ first: 14.5, last: 104.5 })
  expect(measures.tokensPerSecond.first).toBeCloseTo(15_000 / 104.5)
  expect(measures.cachedTokens).toEqual({ first: 180, last: 1800 })
  expect(measures.curve.length).toBeLessThanOrEqual(64)
  expect(measures.curve.at(-1)!.slice(0, 1)).toEqual([100])
})

test('a median lies between its neighbours, whatever the order', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 30 }), (values) => {
      const middle = median(values)
      expect(values.filter((value) => value <= middle).length * 2).toBeGreaterThanOrEqual(values.length)
      expect(values.filter((value) => value >= middle).length * 2).toBeGreaterThanOrEqual(values.length)
    }),
  )
})

test('runs become a table for each shape and length, and charts', () => {
  const measures = summarise([Array.from({ length: 20 }, (_, index) => turn(index))])
  const run: StreamRun = { shape: 'shipped', contestant: 'insertion', turns: 20, repeats: 1, machine: 'a test', ...measures }
  const text = formatRuns([run, { ...run, contestant: 'casa' }, { ...run, contestant: 'casa', turns: 40, slideTokens: 128 }])
  expect(text.match(/^## /gm)).toHaveLength(2)
  expect(text.indexOf(`| ${contestants.casa.label} |`)).toBeLessThan(text.indexOf(`| ${contestants.insertion.label} |`))
  expect(text).toContain('text slides at 128')
  expect(formatPage([run])).toContain('| 512 | Helium1-VL-2B, insertion | 8.26 | 0.13 | 533,525 |')
  const charts = streamCharts([run])
  expect(Object.keys(charts)).toEqual(['shipped-first-token.svg', 'shipped-speed.svg', 'shipped-cache.svg'])
  for (const svg of Object.values(charts)) expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg".*<\/svg>\n$/s)
})
