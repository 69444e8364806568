/** Live captions of an untrained model: the text is noise, but the mechanics must be right. */
import { close, init, memory, scope } from '@casa-js/tensor'
import { expectNear, take } from '@casa-js/testing'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { markedFiles, picture, tinyFiles, tinyVlm } from '../fixtures/tiny.ts'
import {
  captionDefaults,
  captionSampling,
  captionCues,
  captionStream,
  captionVideo,
  createSampler,
  formatSrt,
  type CaptionedFrame,
  type CaptionEvent,
  type CaptionOptions,
  type Sampler,
  type VideoFrame,
  type Vlm,
} from '../index.ts'
import { likeliest } from '../sampling/index.ts'

let vlm: Vlm
beforeAll(async () => {
  await init({ device: 'wasm' })
  vlm = tinyVlm()
})
afterAll(async () => {
  vlm.dispose()
  await close()
})

const video = (count: number, first = 0): VideoFrame[] =>
  Array.from({ length: count }, (_, i) => ({ image: picture(first + i), timeMs: (first + i) * 500 }))

/** Greedy, and every draw with the logits that it was made from and what it looked back on. */
function watched(choose: (logits: Float32Array, draw: number) => number = likeliest) {
  const draws: { logits: Float32Array; ids: number[]; id: number }[] = []
  const sampler: Sampler = (logits, ids) => {
    const id = choose(logits, draws.length)
    draws.push({ logits: logits.slice(), ids: [...ids], id })
    return id
  }
  return { sampler, draws }
}

async function captionAll(frames: VideoFrame[], options: CaptionOptions, of = vlm): Promise<CaptionedFrame[]> {
  const all: CaptionedFrame[] = []
  for await (const frame of captionStream(of, frames, { budgetMs: Infinity, ...options })) all.push(frame)
  return all
}

describe('the stream equals one pass over the same ids and windows, token by token', () => {
  const fusions = [
    { kind: 'casa', windows: 'with-marks' },
    { kind: 'casa', windows: 'at-image' },
    { kind: 'casa', windows: 'with-marks', keys: 'image' },
    { kind: 'casa', windows: 'with-marks', place: 'before', ffn_updates: true, shared: true },
    { kind: 'insertion' },
    { kind: 'none' },
  ]
  test.each(fusions)('%j', async (fusion) => {
    const marked = tinyVlm(fusion, markedFiles)
    const idOf = (text: string) => marked.tokenizer.idOf(text)!
    const stop = idOf('<|end|>')
    // Some frames end with a stop token, some with their last token, one is silent.
    const stops = [5, 6, 11]
    const { sampler, draws } = watched((logits, draw) => {
      if (stops.includes(draw)) return stop
      logits[stop] = -Infinity
      return likeliest(logits)
    })
    const frames = video(5)
    const captioned = await captionAll(frames, { prompt: 'Say.', prefix: 'So', maxTokensPerFrame: 4, sampler }, marked)
    expect(captioned.map(({ tokens, end }) => `${tokens} ${end}`)).toEqual(['4 tokens', '2 stop', '1 stop', '4 tokens', '1 stop'])

    // <|user|>Say.<|assistant|> <|look|> image <|image|>So said.. <|end|> <|look|> image <|image|> said..
    const ids = [idOf('<|user|>'), ...marked.tokenizer.encode('Say.'), idOf('<|assistant|>')]
    const slots: { before: number; from: number }[] = []
    const rows: number[] = []
    let drawn = 0
    for (const [i, { tokens, end }] of captioned.entries()) {
      slots.push({ from: ids.length, before: ids.length + 1 })
      ids.push(idOf('<|look|>'), idOf('<|image|>'), ...(i === 0 ? marked.tokenizer.encode('So') : []))
      for (let t = 0; t < tokens; t++) {
        rows.push(ids.length - 1)
        expect(draws[drawn]!.ids, `what draw ${drawn} looks back on`).toEqual(ids)
        ids.push(draws[drawn++]!.id)
      }
      if (end !== 'stop') ids.push(stop)
    }
    const patches = frames.map(({ image }) => marked.model.process(image))
    const images = slots.map((slot) => ({ sample: 0, ...slot, tokens: 4, grid: { rows: 2, columns: 2 } }))
    const layout = { tokens: ids.length, cu: Int32Array.of(0, ids.length), images }
    const whole = await take(
      scope(() => marked.model.backbone.logits(marked.model.hidden({ ids: Int32Array.from(ids), layout, patches }))),
    )
    for (const [i, row] of rows.entries()) {
      // All but the stop token's, which is number 0 and was forbidden.
      const expected = whole.subarray(row * 262 + 1, (row + 1) * 262)
      expectNear(`logits of draw ${i}`, draws[i]!.logits.subarray(1), expected, 1e-4)
    }
    marked.dispose()
  })

  test('windows that include the marker tokens are not those that begin at the image', async () => {
    const drawsOf = async (windows: string) => {
      const marked = tinyVlm({ kind: 'casa', windows }, markedFiles)
      const { sampler, draws } = watched(() => 70)
      await captionAll(video(2), { sampler, maxTokensPerFrame: 1 }, marked)
      marked.dispose()
      return draws.map(({ logits }) => logits)
    }
    const [withMarks, atImage] = [await drawsOf('with-marks'), await drawsOf('at-image')]
    for (const [i, logits] of withMarks.entries()) expect(logits).not.toEqual(atImage[i])
  })

  test('a frame needs one pass per generated token: the last token is fed with the next frame', async () => {
    const passes = vi.spyOn(vlm.model.backbone, 'embed')
    // From the third frame on, tokens are run from a plan.
    const captioned = await captionAll(video(2), { sampler: () => 70, maxTokensPerFrame: 3 })
    expect(passes).toHaveBeenCalledTimes(captioned.reduce((sum, { tokens }) => sum + tokens, 0))
    passes.mockRestore()
  })
})

test('a folder has caption settings, and options of the caller override them', async () => {
  const captions = { prefix: 'Oh', max_tokens: 3, frames_per_second: 4, capacity_tokens: 50, sampling: 'greedy' }
  const own = (changes: object) =>
    tinyVlm(undefined, { ...tinyFiles, processorConfig: { ...tinyFiles.processorConfig, captions: { ...captions, ...changes } } })
  const trained = own({})
  expect(captionDefaults(trained)).toEqual({
    prefix: 'Oh',
    maxTokensPerFrame: 3,
    framesPerSecond: 4,
    capacityTokens: 50,
    sampling: { temperature: 0, stopTokens: trained.stopIds },
  })
  expect(captionDefaults(vlm)).toEqual({ sampling: { ...captionSampling, stopTokens: vlm.stopIds } })
  const [first] = await captionAll(video(2), {}, trained)
  const greedy = await captionAll(video(2), { prefix: 'Oh', maxTokensPerFrame: 3, sampler: likeliest, framesPerSecond: 4 }, vlm)
  expect(first).toMatchObject({ text: greedy[0]!.text, tokens: greedy[0]!.tokens, endMs: 250 })
  expect(first!.text).toMatch(/^Oh/)
  const [told] = await captionAll(video(1), { prefix: 'Ah', maxTokensPerFrame: 1, sampler: () => 70 }, trained)
  expect(told).toMatchObject({ text: `Ah${trained.tokenizer.decode([70])}`, tokens: 1 })
  trained.dispose()
  for (const [changes, message] of [
    [{ max_tokens: 0 }, /processor_config\.json: captions: max_tokens/],
    [{ sampling: 'wild' }, /captions: sampling: expected "paper" or "greedy"/],
  ] as const) {
    const wrong = own(changes)
    expect(() => captionVideo(wrong, video(1))).toThrow(message)
    wrong.dispose()
  }
})

test('text slides by whole frames: the prompt, the latest text and the last image are kept', async () => {
  const marked = tinyVlm({ kind: 'casa', windows: 'with-marks' }, markedFiles)
  const idOf = (text: string) => marked.tokenizer.idOf(text)!
  const [look, after, stop] = ['<|look|>', '<|image|>', '<|end|>'].map(idOf) as [number, number, number]
  const { sampler, draws } = watched((_, draw) => 70 + draw)
  const frames = video(14)
  const options = { prompt: 'Say.', prefix: 'So', maxTokensPerFrame: 2, capacityTokens: 60, sampler }
  const captioned = await captionAll(frames, options, marked)
  const at = captioned.findIndex(({ cachedTokens }, i) => i > 0 && cachedTokens < captioned[i - 1]!.cachedTokens)
  const prompt = [idOf('<|user|>'), ...marked.tokenizer.encode('Say.'), idOf('<|assistant|>')]
  const frameIds = (i: number) => [look, after, 70 + 2 * i, 71 + 2 * i, stop]
  // Of the frame itself: its two marks and the first token, for the second waits for the next frame.
  const kept = (captioned[at]!.cachedTokens - prompt.length - 3) / 5
  expect([Number.isInteger(kept), kept >= 2], `${kept} frames`).toEqual([true, true])

  const texts = Array.from({ length: kept }, (_, i) => frameIds(at - kept + i)).flat()
  const ids = Int32Array.from([...prompt, ...texts, look, after])
  const slot = (from: number) => ({ sample: 0, from, before: from + 1, tokens: 4, grid: { rows: 2, columns: 2 } })
  const images = [slot(ids.length - 2 - 5), slot(ids.length - 2)]
  const patches = [frames[at - 1]!, frames[at]!].map(({ image }) => marked.model.process(image))
  const layout = { tokens: ids.length, cu: Int32Array.of(0, ids.length), images }
  const logits = await take(scope(() => marked.model.backbone.logits(marked.model.hidden({ ids, layout, patches }))))
  expectNear('logits after the slide', draws[2 * at]!.logits, logits.subarray((ids.length - 1) * 262), 1e-4)
  marked.dispose()
})

// CASA_FRAMES=1000 for a longer video.
const frameCount = Number(process.env.CASA_FRAMES ?? 200)

test(`over ${frameCount} frames tensor and byte counts are constant, the cache holds only text, and nothing leaks`, async () => {
  const before = memory()
  const captioned = await captionAll(video(frameCount), { maxTokensPerFrame: 3, capacityTokens: 256, seed: 1 })
  expect(captioned).toHaveLength(frameCount)
  // Plans are made in the first frames, and again where the text slides, which ends a window: the same memory each time.
  const uses = captioned.slice(1).map(({ memory }) => `${memory.tensors} ${memory.bytes}`)
  const early = new Set(uses.slice(0, 60))
  expect(early.size).toBeLessThanOrEqual(3)
  expect(uses.filter((use) => !early.has(use))).toEqual([])
  // A frame adds what the last one had not fed, its mark, and what was said but for the last token, until the text slides.
  const slides = captioned.filter((frame, i) => i > 0 && frame.cachedTokens < captioned[i - 1]!.cachedTokens)
  expect(slides.length).toBeGreaterThan(0)
  for (const [i, frame] of captioned.entries()) {
    expect(frame.cachedTokens).toBeLessThanOrEqual(256)
    if (i === 0 || slides.includes(frame)) continue
    const last = captioned[i - 1]!
    expect(frame.cachedTokens).toBe(last.cachedTokens + (last.end === 'stop' ? 1 : 2) + 1 + frame.tokens - 1)
  }
  expect(memory()).toEqual(before)
}, 60_000)

test('a frame ends at a stop token, a token limit or a time limit; an empty caption is valid', async () => {
  const stop = vlm.tokenizer.idOf('<|end|>')!
  const { sampler } = watched((_, draw) => (draw % 2 === 0 ? 70 : stop))
  const spoken = await captionAll(video(2), { sampler, prefix: '' })
  expect(spoken.map(({ end, tokens, text }) => [end, tokens, text])).toEqual([
    ['stop', 2, vlm.tokenizer.decode([70])],
    ['stop', 2, vlm.tokenizer.decode([70])],
  ])

  const [silent] = await captionAll(video(1), { sampler: () => stop, prefix: '' })
  expect(silent).toMatchObject({ end: 'stop', tokens: 1, text: '', startMs: 0, endMs: 500 })

  // A clock that moves when a token is drawn: 30 ms each.
  let clock = 0
  const slow: Sampler = () => ((clock += 30), 70)
  const [timed] = await captionAll([{ image: picture(0), timeMs: 0, durationMs: 40 }], {
    sampler: slow,
    prefix: '',
    framesPerSecond: 4,
    budgetMs: undefined,
    now: () => clock,
  })
  // 250 ms are over with the ninth.
  expect(timed).toMatchObject({ end: 'time', tokens: 9, timeToFirstTokenMs: 30, elapsedMs: 270, endMs: 40 })
  expect(timed!.tokenTimesMs).toEqual([30, 60, 90, 120, 150, 180, 210, 240, 270])
})

test('the prefix comes first, and captions become subtitles', async () => {
  const frames = await captionAll(video(2), { sampler: () => 70, maxTokensPerFrame: 1 })
  const letter = vlm.tokenizer.decode([70])
  expect(frames.map(({ text }) => text)).toEqual([`In this video${letter}`, letter])
  expect(formatSrt(captionCues(frames))).toBe(
    `1\n00:00:00,000 --> 00:00:00,500\nIn this video${letter}\n\n2\n00:00:00,500 --> 00:00:01,000\n${letter}\n`,
  )
})

test('frames may come as they are made, and an abort ends the stream, also while it waits for a frame', async () => {
  const stop = new AbortController()
  const before = memory().tensors
  async function* camera() {
    for (let i = 0; ; i++) yield { image: picture(i), timeMs: i * 500 }
  }
  const watch = async () => {
    for await (const { startMs } of captionStream(vlm, camera(), { maxTokensPerFrame: 1, signal: stop.signal }))
      if (startMs === 1000) stop.abort()
  }
  await expect(watch()).rejects.toThrow(/abort/i)
  for (const whenBehind of ['wait', 'newest'] as const) {
    const silent = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }
    const waiting = captionStream(vlm, silent, { whenBehind, signal: AbortSignal.timeout(20) }).next()
    await expect(waiting).rejects.toThrow(/timeout/i)
  }
  expect(memory().tensors).toBe(before)
})

test('with a live source the newest frame is taken, and the others are counted as dropped', async () => {
  const frames = video(9)
  let give: (frame: IteratorResult<VideoFrame>) => void = () => {}
  const waiting: VideoFrame[] = []
  /** Three frames come while each is captioned. */
  const source: AsyncIterable<VideoFrame> = {
    [Symbol.asyncIterator]: () => ({
      next() {
        const value = waiting.shift()
        if (value) return Promise.resolve({ done: false, value })
        return new Promise((resolve) => (give = resolve))
      },
    }),
  }
  const arrive = (count: number) => waiting.push(...frames.splice(0, count))
  arrive(1)
  const events: CaptionEvent[] = []
  const run = captionVideo(vlm, source, { whenBehind: 'newest', maxTokensPerFrame: 2, sampler: () => 70, prefix: '' })
  for await (const event of run) {
    events.push(event)
    if (event.type !== 'token') continue
    if (frames.length > 0) arrive(frames.length >= 2 ? 2 : 1)
    give(waiting.length > 0 ? { done: false, value: waiting.shift()! } : { done: true, value: undefined })
    // The pump runs before the next step of the captions.
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const captioned = events.flatMap((event) => (event.type === 'frame' ? [event.frame] : []))
  expect(captioned.map(({ startMs, dropped }) => [startMs, dropped])).toEqual([
    [0, 0],
    [2000, 3],
    [4000, 3],
  ])
  expect(events.filter(({ type }) => type === 'drop')).toEqual([
    { type: 'drop', frames: 3, total: 3 },
    { type: 'drop', frames: 3, total: 6 },
  ])
  expect(run.dropped).toBe(6)
})

test('a pause stops the clock within a token; lag is what the captions are behind the video', async () => {
  let time = 0
  const run = captionVideo(vlm, video(3), { now: () => time, maxTokensPerFrame: 2, sampler: () => 70, budgetMs: Infinity })
  const lags: number[] = []
  const seen: string[] = []
  for await (const event of run) {
    seen.push(event.type)
    if (event.type === 'lag') lags.push(event.lagMs)
    if (event.type === 'token') time += 400
    if (seen.length !== 2) continue
    run.pause()
    expect(run.paused).toBe(true)
    setTimeout(() => {
      expect(seen, 'nothing happens in a pause').toHaveLength(2)
      time += 10_000
      run.resume()
    }, 30)
  }
  // Two tokens of 400 ms a frame of 500 ms: 300 ms later each.
  expect(lags).toEqual([0, 300, 600])
  expect(run.clockMs).toBe(2400)
})

test('captions survive a restart: saved between frames, they go on as they would have', async () => {
  const options = { seed: 3, maxTokensPerFrame: 5, budgetMs: Infinity }
  const { sampler: all, draws } = watched()
  const whole = await captionAll(video(6), { ...options, sampler: all })

  let saved: Uint8Array | undefined
  const run = captionVideo(vlm, video(3), { ...options, sampler: likeliest })
  await expect(run.save()).rejects.toThrow('after a "frame" event')
  for await (const event of run) {
    if (event.type === 'token') await expect(run.save()).rejects.toThrow('between frames')
    if (event.type === 'frame') saved = await run.save()
  }
  const { sampler, draws: later } = watched()
  const rest = await captionAll(video(3, 3), { ...options, sampler, resume: saved! })
  expect(rest.map(({ text, end, cachedTokens }) => [text, end, cachedTokens])).toEqual(
    whole.slice(3).map(({ text, end, cachedTokens }) => [text, end, cachedTokens]),
  )
  const before = whole.slice(0, 3).reduce((sum, { tokens }) => sum + tokens, 0)
  expect(later.map(({ ids }) => ids)).toEqual(draws.slice(before).map(({ ids }) => ids))
  expect(later.map(({ logits }) => logits)).toEqual(draws.slice(before).map(({ logits }) => logits))
  await expect(captionAll(video(1), { resume: saved!.subarray(0, 50) })).rejects.toThrow('no saved session')
})

test('a sampled stream that restarts says what it would have said: its random numbers and counts go on', async () => {
  const options = { maxTokensPerFrame: 6, budgetMs: Infinity }
  const drawn = () => createSampler({ ...captionSampling, temperature: 3, stopTokens: vlm.stopIds, seed: 5 })
  const textOf = (frames: { text: string }[]) => frames.map(({ text }) => text)
  const whole = textOf(await captionAll(video(6), { ...options, sampler: drawn() }))

  let saved: Uint8Array | undefined
  const run = captionVideo(vlm, video(3), { ...options, sampler: drawn() })
  for await (const event of run) if (event.type === 'frame') saved = await run.save()
  expect(textOf(await captionAll(video(3, 3), { ...options, sampler: drawn(), resume: saved! }))).toEqual(whole.slice(3))
  const sampler = createSampler({ temperature: 3, seed: 5 })
  await expect(captionAll(video(1), { ...options, sampler, resume: saved! })).rejects.toThrow('this one has 1 processors')
})

test('invalid options are refused by name', async () => {
  await expect(captionAll(video(40), { maxTokensPerFrame: 3, capacityTokens: 64, whenFull: 'error' })).rejects.toThrow(
    'raise capacityTokens, or let the text slide',
  )
  await expect(captionAll(video(2), { maxTokensPerFrame: 40, capacityTokens: 64 })).rejects.toThrow('raise capacityTokens')
  await expect(captionAll(video(1), { maxTokensPerFrame: 0 })).rejects.toThrow(
    'captionVideo: maxTokensPerFrame: expected a number above 0, found 0',
  )
  const unmarked = { ...vlm, template: { ...vlm.template, image: {} } }
  await expect(captionAll(video(1), {}, unmarked)).rejects.toThrow('marks images by no token')
  const run = captionVideo(vlm, video(0))
  for await (const _ of run);
  await expect((async () => void (await run[Symbol.asyncIterator]().next()))()).rejects.toThrow('iterated once')

  const inserting = tinyVlm({ kind: 'insertion' }, tinyFiles)
  const sampler = () => 70
  const grown: number[] = []
  for await (const { cachedTokens } of captionStream(inserting, video(3), { sampler, maxTokensPerFrame: 2 }))
    grown.push(cachedTokens)
  // With insertion every frame leaves its four image tokens in the cache, beside two letters, a stop token and its mark.
  expect([grown[1]! - grown[0]!, grown[2]! - grown[1]!]).toEqual([8, 8])
  await expect(captionAll(video(1), { whenFull: 'slide' }, inserting)).rejects.toThrow('captionVideo: whenFull: expected "error"')
  inserting.dispose()
})
