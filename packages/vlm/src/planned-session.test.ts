/**
 * Sessions that plan, held against sessions that do not: the same bits on wasm, where plans run the same kernels, and the same memory,
 * whatever is mixed with the tokens: prompts, images of several sizes, passes that fail, saving, loading, forgetting.
 *
 * CASA_ROUNDS=200 npx vitest run --project node packages/vlm/src/planned-session.test.ts plays more of them.
 */
import { createSequence } from '@casa-js/sequence'
import { close, dispose, init, keep, memory, tensor } from '@casa-js/tensor'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { picture, tinyVlm } from './fixtures/tiny.ts'
import type { Vlm } from './load.ts'
import { createSession, type Session } from './session.ts'

beforeAll(() => init({ device: 'wasm' }))
afterAll(close)

const kinds = [
  { kind: 'casa', windows: 'with-marks' },
  { kind: 'casa', keys: 'image' },
  { kind: 'casa', place: 'before', shared: true },
  { kind: 'insertion' },
]
const capacityTokens = 400

/** Four image tokens, or eight. */
const image = (wide: boolean, grey: number) => (wide ? { ...picture(grey), widthPx: 32, heightPx: 8 } : picture(grey))

type Action =
  { do: 'say'; ids: number[] } | { do: 'prompt' | 'fail'; ids: number[]; wide?: boolean } | { do: 'forget' | 'restore' }

const ids = (most: number) => fc.array(fc.integer({ min: 0, max: 261 }), { minLength: 1, maxLength: most })
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('say' as const), ids: ids(6) }) },
  {
    weight: 3,
    arbitrary: fc.record(
      { do: fc.constantFrom('prompt' as const, 'fail' as const), ids: ids(7), wide: fc.boolean() },
      { requiredKeys: ['do', 'ids'] },
    ),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('forget' as const, 'restore' as const) }) },
)

/** What the session says to each thing that is done to it: logits, or nothing. */
async function play(vlm: Vlm, session: Session, actions: readonly Action[]): Promise<Float32Array[]> {
  const heard: Float32Array[] = []
  const append = async (given: number[], wide: boolean | undefined, options = {}) => {
    const images = wide === undefined ? [] : [{ image: image(wide, given[0]! % 5), before: given.length - 1 }]
    if (session.tokens + given.length + 8 > capacityTokens) return
    heard.push((await session.append({ ids: Int32Array.from(given), images }, options)).slice())
  }
  for (const next of actions) {
    if (next.do === 'say') for (const id of next.ids) await append([id], undefined)
    else if (next.do === 'prompt') await append(next.ids, next.wide)
    else if (next.do === 'fail') {
      // After the pass has run: its state, written into tensors of an earlier one, is given up.
      const choosing = session.choose({ ids: Int32Array.from(next.ids), images: [] }, () => -1, [])
      await expect(choosing).rejects.toThrow('the sampler chose -1')
      if (next.wide !== undefined) {
        const given = { ids: Int32Array.from(next.ids), images: [{ image: image(next.wide, 1), before: 0 }] }
        await expect(session.choose(given, () => -1, [])).rejects.toThrow('the sampler chose -1')
      }
      await expect(session.append({ ids: Int32Array.of(9999), images: [] })).rejects.toThrow()
    } else if (next.do === 'forget') {
      if (!vlm.model.fusion.imagesInCache) session.truncate(0)
    } else {
      const bytes = await session.save()
      await append([7], undefined)
      await session.load(bytes)
    }
  }
  return heard
}

describe.each(kinds)('a session that plans, $kind $windows $keys $place', (fusion) => {
  it('says what one says that does not, to the bit, and leaves nothing', { timeout: 120_000 }, async () => {
    const vlm = tinyVlm(fusion)
    const before = memory()
    const law = async (actions: Action[]) => {
      const sessions = [true, false].map((plan) => createSession(vlm.model, { capacityTokens, plan }))
      try {
        const [planned, reference] = [await play(vlm, sessions[0]!, actions), await play(vlm, sessions[1]!, actions)]
        expect(planned).toEqual(reference)
      } finally {
        for (const session of sessions) session.dispose()
      }
      expect(memory()).toEqual(before)
    }
    const talk = (wide: boolean): Action[] => [
      { do: 'prompt', ids: [1, 2, 3], wide },
      { do: 'say', ids: [4, 5, 6] },
      { do: 'fail', ids: [1, 2], wide },
      { do: 'say', ids: [4, 5] },
    ]
    const all = [...talk(false), ...talk(false), ...talk(false), { do: 'restore' as const }, ...talk(true), ...talk(false)]
    await fc.assert(fc.asyncProperty(fc.array(action, { minLength: 2, maxLength: 12 }), law), {
      numRuns: Number(process.env.CASA_ROUNDS ?? 4),
      examples: [[all], [[...all, { do: 'forget' }, ...all]]],
    })
    vlm.dispose()
  })

  it('holds the same memory after every prompt', async () => {
    const vlm = tinyVlm(fusion)
    const session = createSession(vlm.model, { capacityTokens })
    const held = new Set<string>()
    for (let round = 0; round < 14; round++) {
      await play(vlm, session, [
        { do: 'prompt', ids: Array.from({ length: 1 + (round % 5) }, (_, i) => i), wide: false },
        { do: 'say', ids: [1, 2, 3, 4] },
        { do: 'fail', ids: [1], wide: false },
      ])
      // Plans are made for two images in turn, each of two tokens, and once more when counters part.
      if (round >= 4) held.add(`${memory().tensors} ${memory().bytes}`)
    }
    expect(held.size).toBe(1)
    session.dispose()
    vlm.dispose()
  })
})

it('plans go on when the buffer of a window is full and another takes its place, up to the last token of the cache', async () => {
  const vlm = tinyVlm()
  const { backbone, fusion } = vlm.model
  const before = memory()
  const [planned, reference] = [true, false].map((plan) => createSequence(backbone, fusion, { capacityTokens: 200, plan })) as [
    ReturnType<typeof createSequence>,
    ReturnType<typeof createSequence>,
  ]
  const images = keep(tensor(Float32Array.from({ length: 4 * 16 }, Math.sin), [4, 16]))
  const slots = [{ sample: 0, before: 1, tokens: 4, grid: { rows: 2, columns: 2 } }]
  const buffers = new Set<number>()
  const say = async (given: number[], withImage = false) => {
    const found = []
    for (const sequence of [planned, reference]) {
      const prediction = sequence.predict({ ids: Int32Array.from(given), ...(withImage && { slots, images }) })
      found.push((await prediction.logits()).slice())
      prediction.dispose()
    }
    expect(found[0]).toEqual(found[1])
    buffers.add(planned.state.tensors['k.0']!.shape[0]!)
  }
  await say([1, 2, 3], true)
  for (let i = 0; i < 197; i++) await say([i % 200])
  expect(buffers.size).toBeGreaterThan(1)
  // Where a buffer was replaced, a token was run op by op, and two more for the next plan.
  expect(planned.planUse.tokens).toBeGreaterThanOrEqual(197 - 3 * buffers.size)
  expect(() => planned.predict({ ids: Int32Array.of(1) })).toThrow('holds 200')
  for (const sequence of [planned, reference]) sequence.dispose()
  dispose(images)
  expect(memory()).toEqual(before)
  vlm.dispose()
})
