/** The streaming bench: what a turn leaves in the cache, and how turns become a table. */
import { close, init } from '@casa-js/tensor'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { contestants, createContestant, shapes, type ContestantName } from './contestants.ts'
import { streamTurns, textTokensPerTurn, type Turn } from './protocol.ts'
import { sampleTurns, stretchesOf } from './sampled.ts'
import { keyOf, pageRows } from './stream-rows.ts'
import { rowsOf } from './stream.ts'
import { formatPage, formatRuns, streamCharts } from './stream-page.ts'
import { growthOf, median, summarise, type StreamRun } from './stream-summary.ts'

beforeAll(() => init({ device: 'wasm' }).then(() => {}))
afterAll(() => close())

/** A small model: what is in the cache does not depend on the size. */
const { vision } = shapes.shipped
const shape = {
  ...shapes.shipped,
  text: { ...shapes.shipped.text, hidden_size: 48, intermediate_size: 64, num_hidden_layers: 2 },
  vision: { ...vision, stem_channels: [8, 16, 32, 48], hidden_size: 48, depth: 1, intermediate_size: 64, out_hidden_size: 48 },
}

const imagesInCache: Record<ContestantName, number> = { casa: 0, shared: 0, ca: 0, replace: 0, 'q-former': 8, insertion: 36 }

describe('a turn', () => {
  it.each(Object.entries(imagesInCache) as [ContestantName, number][])(
    'of %s leaves 18 text tokens and %i image tokens in the cache',
    async (name, images) => {
      const vlm = createContestant(name, shape, 640)
      try {
        const turns = await streamTurns(vlm, { turns: 10, framePx: shape.framePx, capacityTokens: 640 })
        const grown = turns.slice(1).map(({ cachedTokens }, i) => cachedTokens - turns[i]!.cachedTokens)
        expect(grown).toEqual(Array(9).fill(textTokensPerTurn + images))
        // Of the fusion's state, a window more or less; the weights and the cache stay as they are.
        // Plans are made in the first turns.
        const [first, last] = [turns[7]!.bytes, turns[9]!.bytes]
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

describe('a sampled stream', () => {
  it.each(['casa', 'insertion'] as const)(
    'of %s has at each of its turns the tokens and bytes of the whole stream',
    async (name) => {
      const turns = 40
      const capacityTokens = turns * (textTokensPerTurn + imagesInCache[name]) + 128
      const vlm = createContestant(name, shape, capacityTokens)
      try {
        const settings = { turns, framePx: shape.framePx, capacityTokens }
        const whole = await streamTurns(vlm, settings)
        const rows = await sampleTurns(vlm, { ...settings, sample: 2 })
        expect(rows.map(({ turn }) => turn)).toEqual([...new Set(rows.map(({ turn }) => turn))])
        expect(rows.at(-1)!.turn).toBe(turns - 1)
        for (const { turn, cachedTokens, bytes } of rows) {
          expect({ turn, cachedTokens }).toEqual({ turn, cachedTokens: whole[turn]!.cachedTokens })
          expect(bytes).toBe(whole[turn]!.bytes)
        }
      } finally {
        vlm.dispose()
      }
    },
  )

  it('runs turns of the first and of the last tenth, in order, and the very last', () => {
    fc.assert(
      fc.property(fc.integer({ min: 60, max: 5000 }), fc.integer({ min: 1, max: 40 }), (turns, sample) => {
        const stretches = stretchesOf(turns, sample)
        const tenth = Math.floor(turns / 10)
        const [from, count] = stretches[0]!
        expect(from + count).toBeLessThanOrEqual(tenth)
        expect(stretches.at(-2)![0]).toBeGreaterThanOrEqual(turns - tenth)
        expect(stretches.at(-1)).toEqual([turns - 1, 1])
        for (const [i, [begin]] of stretches.entries()) if (i > 0) expect(begin).toBeGreaterThan(stretches[i - 1]![0])
      }),
    )
  })
})

describe('rows', () => {
  it('of the page are all different; flags choose among them', () => {
    expect(new Set(pageRows.map(keyOf)).size).toBe(pageRows.length)
    const chosen = rowsOf({ table: true, shape: 'helium-cut', only: ['casa'], out: 'somewhere' })
    expect(chosen.every(({ shape: one, contestant }) => one === 'helium-cut' && contestant === 'casa')).toBe(true)
    expect(chosen.length).toBeGreaterThan(2)
  })

  it('that contradict one another are refused, with a way out', () => {
    expect(() => rowsOf({ table: true, turns: 12, out: 'x' })).toThrow(/--table: .* leave them out/)
    expect(() => rowsOf({ table: true })).toThrow(/--out/)
    expect(() => rowsOf({ slide: 1024 })).toThrow(/insertion cannot slide.*--only/)
    expect(() => rowsOf({ slide: 1024, sample: 4, only: ['casa'] })).toThrow(/--sample/)
  })
})

test('times that grow with the cache are told apart from those that do not', () => {
  const curve = [1, 2, 3, 4].map((point): [number, number, number, number] => [
    point,
    20 + 3 * point,
    1000 / (2 + point),
    1000 * point,
  ])
  const growth = growthOf({ curve })!
  expect(growth.firstTokenMs.constant).toBeCloseTo(20)
  expect(growth.firstTokenMs.perThousand).toBeCloseTo(3)
  expect(growth.tokenMs.constant).toBeCloseTo(2)
  expect(growth.tokenMs.perThousand).toBeCloseTo(1)
  expect(growthOf({ curve: curve.map(([at, first, speed]) => [at, first, speed, 500]) })).toBeUndefined()
})

const turn = (index: number, slower = 0): Turn => ({
  turn: index,
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
