/** Sessions and conversations: errors, stopping, and resuming. */
import { ArgumentError, ConfigError, DeviceLostError, StateError } from '@casa-js/base'
import { close, init, memory } from '@casa-js/tensor'
import { expectNear, randomIds } from '@casa-js/testing'
import { memoryFolder } from '@casa-js/weights'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { LayerAttention } from './attention-weights.ts'
import { createConversation, type AnswerEnd, type Conversation, type GenerateOptions } from './conversation.ts'
import { picture, tinyConfig, tinyFiles, tinyVlm } from './fixtures/tiny.ts'
import { createVlm, loadVlm, saveVlm, type Vlm } from './load.ts'
import { likeliest, type Sampler } from './sampling/index.ts'
import { createSession, type Session } from './session.ts'
import { cutInput } from './session-pieces.ts'

let vlm: Vlm
let tensors = 0
beforeAll(async () => {
  await init({ device: 'wasm' })
  vlm = tinyVlm()
})
afterAll(async () => {
  vlm.dispose()
  await close()
})
beforeEach(() => void (tensors = memory().tensors))
afterEach(() => expect(memory().tensors, 'tensors left behind').toBe(tensors))

const text = (ids: Int32Array) => ({ ids, images: [] })
const image = { type: 'image' as const, image: picture(1) }
const ids = randomIds(20, 262)

async function withSession<T>(f: (session: Session) => Promise<T>, of = vlm, options = {}): Promise<T> {
  const session = createSession(of.model, options)
  try {
    return await f(session)
  } finally {
    session.dispose()
  }
}

async function say(conversation: Conversation, content: Parameters<Conversation['say']>[0], options: GenerateOptions = {}) {
  let answer = ''
  let end: AnswerEnd | undefined
  for await (const step of conversation.say(content, { maxNewTokens: 4, ...options })) {
    answer += step.text
    expect(end, 'nothing comes after the end').toBeUndefined()
    end = step.end
  }
  return { answer, end }
}

/** Never says a stop token. */
const talkative: Sampler = (logits) => {
  for (const id of vlm.stopIds) logits[id] = -Infinity
  return likeliest(logits)
}

describe('an input that is refused or fails', () => {
  test('leaves a session as it was: a bad id, a wrong picture, too much text, a second call at once', async () => {
    await withSession(async (session) => {
      const expected = await withSession(async (other) => {
        await other.append({ ids: ids.subarray(0, 5), images: [{ before: 1, image: picture(1) }] })
        return other.append(text(ids.subarray(5)))
      })
      await session.append({ ids: ids.subarray(0, 5), images: [{ before: 1, image: picture(1) }] })
      await expect(session.append(text(Int32Array.of(3, 262)))).rejects.toThrow(/262/)
      await expect(session.append(text(new Int32Array()))).rejects.toThrow(ArgumentError)
      const cut = { ...picture(2), data: new Uint8Array(5) }
      await expect(session.append({ ids, images: [{ before: 0, image: cut }] })).rejects.toThrow(
        'image: expected 3 bytes for each of 16 x 16 pixels (rgb, row after row), found 5',
      )
      await expect(session.append({ ids, images: [{ before: 20, image: picture(2) }] })).rejects.toThrow(
        'image 0 stands before token 20 of 20',
      )
      await expect(session.append(text(new Int32Array(1100)))).rejects.toThrow('raise capacityTokens')
      expect(session.tokens).toBe(5)

      const first = session.append(text(ids.subarray(5)))
      await expect(session.append(text(ids))).rejects.toThrow(StateError)
      expect(() => session.truncate(1)).toThrow(StateError)
      expect(await first).toEqual(expected)
    })
  })

  test('leaves a conversation as it was, and the next message is answered as if it had not been', async () => {
    const [tried, fresh] = [createConversation(vlm, { capacityTokens: 64 }), createConversation(vlm, { capacityTokens: 64 })]
    for (const conversation of [tried, fresh]) await say(conversation, [image, { type: 'text', text: 'What?' }])
    const before = [...tried.messages]
    await expect(say(tried, 'x'.repeat(100))).rejects.toThrow('the session holds 64')
    const broken = { type: 'image' as const, image: { widthPx: 16, heightPx: 16, data: new Uint8Array(3) } }
    await expect(say(tried, [broken, { type: 'text', text: 'And?' }])).rejects.toThrow('found 3')
    expect(tried.messages).toEqual(before)
    expect(await say(tried, 'Sure?')).toEqual(await say(fresh, 'Sure?'))
    tried.dispose()
    fresh.dispose()
  })

  test('a sampler that gives no id is an error, not an empty answer', async () => {
    const conversation = createConversation(vlm)
    for (const wrong of [NaN, -1, 262, 1.5])
      await expect(say(conversation, 'Hello', { sampler: () => wrong })).rejects.toThrow(`the sampler chose ${wrong}`)
    conversation.dispose()
  })
})

describe('stopping', () => {
  test('timers run while a model answers, so that the answer can be stopped', async () => {
    const conversation = createConversation(vlm, { capacityTokens: 1500 })
    const stop = new AbortController()
    let ticks = 0
    const ticking = setInterval(() => void (++ticks === 3 && stop.abort()), 1)
    await expect(say(conversation, 'Go', { maxNewTokens: 1400, sampler: talkative, signal: stop.signal })).rejects.toThrow(
      /abort/i,
    )
    clearInterval(ticking)
    expect(ticks).toBeGreaterThanOrEqual(3)
    expect(conversation.lastEnd).toBe('abort')
    expect(conversation.tokens).toBeLessThan(1400)
    expect((await say(conversation, 'Still there?')).end).toBeDefined()
    conversation.dispose()
  })

  test('a long prompt and many pictures can be aborted half-way; then nothing was taken in', async () => {
    await withSession(
      async (session) => {
        await session.append(text(ids))
        const stop = new AbortController()
        const long = session.append(text(randomIds(1900, 262)), { signal: stop.signal })
        setTimeout(() => stop.abort(), 0)
        await expect(long).rejects.toThrow(/abort/i)
        expect(session.tokens).toBe(20)

        const pictures = Array.from({ length: 20 }, (_, before) => ({ before, image: picture(before) }))
        const album = new AbortController()
        const looking = session.append({ ids, images: pictures }, { signal: album.signal })
        setTimeout(() => album.abort(), 0)
        await expect(looking).rejects.toThrow(/abort/i)
        expect(session.tokens).toBe(20)

        const expected = await withSession(async (other) => {
          await other.append(text(ids))
          return other.append(text(ids))
        })
        expect(await session.append(text(ids))).toEqual(expected)
      },
      vlm,
      { capacityTokens: 2000 },
    )
  })

  test('an answer says how it ended', async () => {
    const conversation = createConversation(vlm, { capacityTokens: 40 })
    const stop = vlm.stopIds[0]!
    expect(conversation.lastEnd).toBeUndefined()
    const ends = [
      (await say(conversation, 'a', { sampler: () => stop })).end,
      (await say(conversation, 'b', { sampler: talkative, maxNewTokens: 2 })).end,
      (await say(conversation, 'c', { sampler: talkative, maxMs: 0 })).end,
    ]
    for await (const _ of conversation.say('d')) break
    ends.push(conversation.lastEnd)
    ends.push((await say(conversation, 'e', { sampler: talkative, maxNewTokens: 100 })).end)
    expect(ends).toEqual(['stop', 'tokens', 'time', 'abort', 'capacity'])
    expect(conversation.lastEnd).toBe('capacity')
    conversation.dispose()
  })

  test("a session ends where the model's positions end, and says so", async () => {
    const short = createVlm(
      { ...tinyConfig, text_config: { ...tinyConfig.text_config, max_position_embeddings: 32 } },
      1,
      tinyFiles,
    )
    await withSession(async (session) => {
      expect(session.capacityTokens).toBe(32)
      await expect(session.append(text(new Int32Array(33)))).rejects.toThrow("it is the model's max_position_embeddings")
    }, short)
    expect(() => createSession(vlm.model, { capacityTokens: 0.5 })).toThrow(ConfigError)
    short.dispose()
  })
})

describe('the end', () => {
  test('use after dispose is a StateError; a call that runs meanwhile is refused, and its memory freed', async () => {
    const session = createSession(vlm.model)
    const running = session.append(text(ids))
    session.dispose()
    session.dispose()
    await expect(running).rejects.toThrow(StateError)
    await expect(session.append(text(ids))).rejects.toThrow('this session was disposed')
    expect(() => session.truncate(0)).toThrow(StateError)
    await expect(session.save()).rejects.toThrow(StateError)

    const conversation = createConversation(vlm)
    const answer = conversation.say('Hello', { sampler: talkative })
    await answer.next()
    conversation.dispose()
    await expect(answer.next()).rejects.toThrow(StateError)
    await expect(say(conversation, 'Again')).rejects.toThrow(StateError)
  })

  test('after close() a model, its sessions and an answer that runs say that the device is gone', async () => {
    const other = tinyVlm()
    const session = createSession(other.model)
    await session.append(text(ids))
    const running = session.append(text(ids))
    await close()
    await expect(running).rejects.toThrow(DeviceLostError)
    await expect(session.append(text(ids))).rejects.toThrow('the device of this model was closed')
    expect(() => other.model.process(picture(1))).toThrow(DeviceLostError)
    session.dispose()
    other.dispose()
    // For the tests that follow.
    await init({ device: 'wasm' })
    vlm = tinyVlm()
    tensors = memory().tensors
  })

  test('a disposed model says so', async () => {
    const other = tinyVlm()
    await withSession(async (session) => {
      await session.append(text(ids))
      other.dispose()
      other.dispose()
      await expect(session.append(text(ids))).rejects.toThrow('this model was disposed')
      expect(() => other.model.process(picture(1))).toThrow(StateError)
    }, other)
  })
})

describe('saving', () => {
  for (const kind of ['casa', 'insertion', 'none']) {
    test(`a session of ${kind} goes on from bytes as it would have gone on`, async () => {
      const [one, two] = [tinyVlm({ kind }), tinyVlm({ kind })]
      const bytes = await withSession(async (session) => {
        await session.append({ ids, images: [{ before: 3, image: picture(1) }] })
        const saved = await session.save()
        return { saved, next: await session.append({ ids, images: [] }) }
      }, one)
      await withSession(async (session) => {
        await session.append(text(Int32Array.of(1, 2)))
        await session.load(bytes.saved)
        expect(await session.append({ ids, images: [] })).toEqual(bytes.next)
      }, two)
      one.dispose()
      two.dispose()
    })
  }

  test('bytes that are not a session of this model are refused, and nothing changes', async () => {
    const saved = await withSession(async (session) => {
      await session.append(text(ids))
      return session.save()
    })
    const other = tinyVlm({ kind: 'casa', keys: 'image' })
    await withSession(async (session) => {
      await session.append(text(Int32Array.of(1)))
      await expect(session.load(saved)).rejects.toThrow('saved by another model')
      await expect(session.load(saved.subarray(0, 100))).rejects.toThrow('no saved session')
      await expect(session.load(new Uint8Array(9))).rejects.toThrow('no saved session')
      expect(session.tokens).toBe(1)
    }, other)
    await withSession(async (session) => expect(session.load(saved)).rejects.toThrow('room for 8'), vlm, { capacityTokens: 8 })
    const version = new TextDecoder('latin1').decode(saved).indexOf('casa_session') + 'casa_session":"'.length
    const newer = saved.slice()
    newer[version] = '9'.charCodeAt(0)
    await withSession(async (session) => expect(session.load(newer)).rejects.toThrow('version 9, and 1 is read here'))
    other.dispose()
  })
})

test('stop tokens are those of the template, of config.json and of generation_config.json, and the file is saved', async () => {
  const made = createVlm({ ...tinyConfig, eos_token_id: 7 }, 1, {
    ...tinyFiles,
    generationConfig: { eos_token_id: [8, 7], top_k: 3 },
  })
  const end = made.tokenizer.idOf('<|end|>')!
  expect(made.stopIds).toEqual([end, 7, 8])
  const folder = memoryFolder('saved')
  await saveVlm(made, folder)
  made.dispose()
  const loaded = await loadVlm(folder)
  expect(loaded.stopIds).toEqual([end, 7, 8])
  expect(loaded.files.generationConfig).toEqual({ eos_token_id: [8, 7], top_k: 3 })
  loaded.dispose()
})

test.each([
  [{ chat: { image: '<image>' } }, 'processor_config.json: chat: image: expected an object'],
  [{ chat: { image: { before: 5 } } }, 'processor_config.json: chat: image: before: expected a string, found 5'],
  [{ chat: { stop: 5 } }, 'processor_config.json: chat: stop: expected a list of texts, found 5'],
  [{ chat: { name: ['casa-reader'] } }, 'processor_config.json: chat: name: expected a string'],
  [{ chat: 3 }, 'processor_config.json: chat: expected an object, found 3'],
])('a chat of the wrong type is refused by name: %j', (processorConfig, message) => {
  expect(() => createVlm(tinyConfig, 1, { ...tinyFiles, processorConfig: processorConfig as never })).toThrow(message)
})

test('a long input is cut into pieces that never part an image from its marks or its token', () => {
  const input = fc.array(
    fc.record({
      text: fc.integer({ min: 0, max: 9 }),
      marks: fc.integer({ min: 0, max: 3 }),
      tokens: fc.integer({ min: 1, max: 12 }),
    }),
    { maxLength: 8 },
  )
  fc.assert(
    fc.property(input, fc.integer({ min: 1, max: 20 }), (list, rows) => {
      let at = 0
      const slots = list.map(({ text: gap, marks, tokens }) => {
        at += gap + marks
        return { sample: 0, before: at, from: at - marks, tokens }
      })
      const length = at + 2
      const pieces = cutInput(length, slots, rows)
      expect(pieces.flatMap(({ begin, end }) => Array.from({ length: end - begin }, (_, i) => begin + i))).toEqual([
        ...Array(length).keys(),
      ])
      for (const { begin, end, firstSlot, lastSlot } of pieces) {
        expect(end).toBeGreaterThan(begin)
        expect(slots.slice(firstSlot, lastSlot)).toEqual(slots.filter(({ before }) => before >= begin && before < end))
        for (const { from } of slots.slice(firstSlot, lastSlot)) expect(from).toBeGreaterThanOrEqual(begin)
      }
    }),
  )
})

describe('attention weights', () => {
  const attentionOf = async (fusion: Record<string, unknown>, pieces: [number, number][]) => {
    const looking = tinyVlm(fusion)
    const rows: LayerAttention[][] = []
    await withSession(async (session) => {
      for (const [begin, end] of pieces) {
        const images = begin === 0 ? [{ before: 3, image: picture(1) }] : []
        await session.append({ ids: ids.subarray(begin, end), images }, { onAttention: (layers) => rows.push(layers) })
      }
    }, looking)
    looking.dispose()
    return rows.at(-1)!
  }

  test('a layer reports its weights over image and text, however the text was split', async () => {
    const whole = await attentionOf({ kind: 'casa' }, [[0, 9]])
    const pieces = await attentionOf({ kind: 'casa' }, [
      [0, 5],
      [5, 8],
      [8, 9],
    ])
    expect(whole.map(({ layer, image, text: own }) => [layer, image.length, own.length])).toEqual([
      [0, 4, 6],
      [1, 4, 6],
    ])
    for (const [i, { image, text: own, imageShare }] of whole.entries()) {
      expect([...image, ...own].reduce((sum, x) => sum + x, 0)).toBeCloseTo(1, 5)
      expect(imageShare).toBeCloseTo(
        image.reduce((sum, x) => sum + x, 0),
        6,
      )
      expectNear('image weights', pieces[i]!.image, image, 1e-4)
      expectNear('text weights', pieces[i]!.text, own, 1e-4)
    }
    const crossed = await attentionOf({ kind: 'casa', keys: 'image' }, [
      [0, 5],
      [5, 9],
    ])
    expect(crossed.map(({ text: own, imageShare }) => [own.length, Math.round(imageShare * 1e5)])).toEqual([
      [0, 1e5],
      [0, 1e5],
    ])
    expect(await attentionOf({ kind: 'insertion' }, [[0, 9]])).toEqual([])
  })

  test('an answer reports them with each token, if asked to', async () => {
    const conversation = createConversation(vlm)
    const steps = []
    for await (const step of conversation.say([image, { type: 'text', text: 'What?' }], {
      maxNewTokens: 3,
      sampler: talkative,
      attention: true,
    }))
      steps.push(step)
    expect(steps.map(({ attention }) => attention?.length)).toEqual([2, 2, 2, undefined])
    conversation.dispose()
  })
})
