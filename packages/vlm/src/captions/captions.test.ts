/** Live captions of an untrained model: what it says is noise, how it says it must hold. */
import type { RgbImage } from '@casa-js/core'
import { close, init, memory, scope } from '@casa-js/tensor'
import { expectNear, take } from '@casa-js/testing'
import { readerTokens, trainBpe } from '@casa-js/tokenizers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  argmax,
  captionCues,
  captionStream,
  createVlm,
  formatSrt,
  type CaptionedFrame,
  type CaptionOptions,
  type Sampler,
  type VideoFrame,
  type Vlm,
} from '../index.ts'

const config = {
  model_type: 'casa_vlm',
  text_config: {
    model_type: 'llama',
    vocab_size: 262,
    hidden_size: 16,
    intermediate_size: 32,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    rope_theta: 10_000,
    tie_word_embeddings: true,
    max_position_embeddings: 256,
  },
  vision_config: {
    model_type: 'casa_vit',
    patch_size: 4,
    stem_channels: [],
    hidden_size: 8,
    depth: 1,
    num_heads: 1,
    intermediate_size: 16,
    spatial_merge_size: 2,
    out_hidden_size: 16,
    max_pixels: 4096,
  },
  fusion_config: { kind: 'casa', norm_images: true },
}
const tokenizerJson = trainBpe([], { vocabSize: 262, specialTokens: readerTokens })
const files = { tokenizerJson, processorConfig: { chat: { name: 'casa-reader' } } }

let vlm: Vlm
beforeAll(async () => {
  await init({ device: 'wasm' })
  vlm = createVlm(config, 1, files)
})
afterAll(async () => {
  vlm.dispose()
  await close()
})

const picture = (grey: number): RgbImage => ({
  widthPx: 16,
  heightPx: 16,
  data: Uint8Array.from({ length: 768 }, (_, i) => (grey * 40 + i * 7) % 256),
})
const video = (count: number): VideoFrame[] => Array.from({ length: count }, (_, i) => ({ image: picture(i), timeMs: i * 500 }))

/** Greedy, and every draw with the logits that it was made from. */
function watched(choose = argmax): { sampler: Sampler; draws: { logits: Float32Array; id: number }[] } {
  const draws: { logits: Float32Array; id: number }[] = []
  const sampler: Sampler = (logits) => {
    const id = choose(logits)
    draws.push({ logits: logits.slice(), id })
    return id
  }
  return { sampler, draws }
}

async function captionAll(frames: VideoFrame[], options: CaptionOptions): Promise<CaptionedFrame[]> {
  const all: CaptionedFrame[] = []
  for await (const frame of captionStream(vlm, frames, { budgetMs: Infinity, ...options })) all.push(frame)
  return all
}

test('every token is drawn from what one pass over the whole stream gives, each frame a window of its own', async () => {
  const { sampler, draws } = watched()
  const frames = video(3)
  const captioned = await captionAll(frames, { prompt: 'Say.', prefix: 'So', maxTokensPerFrame: 4, sampler })
  expect(captioned.map(({ tokens }) => tokens)).toEqual(captioned.map(({ end }) => (end === 'stop' ? expect.any(Number) : 4)))

  // <|user|>Say.<|assistant|> image <|image|>So said.. image <|image|> said.. image <|image|> said..
  const idOf = (text: string) => vlm.tokenizer.idOf(text)!
  const ids = [idOf('<|user|>'), ...vlm.tokenizer.encode('Say.'), idOf('<|assistant|>')]
  const slots: number[] = []
  const rows: number[] = []
  let drawn = 0
  for (const [i, { tokens }] of captioned.entries()) {
    slots.push(ids.length)
    ids.push(idOf('<|image|>'), ...(i === 0 ? vlm.tokenizer.encode('So') : []))
    for (let t = 0; t < tokens; t++) {
      rows.push(ids.length - 1)
      ids.push(draws[drawn++]!.id)
    }
  }
  const patches = frames.map(({ image }) => vlm.model.process(image))
  const images = slots.map((before) => ({ sample: 0, before, tokens: 4, grid: { rows: 2, columns: 2 } }))
  const layout = { tokens: ids.length, cu: Int32Array.of(0, ids.length), images }
  const whole = await take(
    scope(() => vlm.model.backbone.logits(vlm.model.hidden({ ids: Int32Array.from(ids), layout, patches }))),
  )
  for (const [i, row] of rows.entries())
    expectNear(`logits of draw ${i}`, draws[i]!.logits, whole.subarray(row * 262, (row + 1) * 262), 1e-4)
})

test('over 200 frames tensors and bytes stay what they were, the cache holds text alone, and nothing is left', async () => {
  const before = memory()
  const captioned = await captionAll(video(200), { maxTokensPerFrame: 3, capacityTokens: 256, seed: 1 })
  expect(captioned).toHaveLength(200)
  const { tensors, bytes } = captioned[1]!.memory
  expect(new Set(captioned.slice(1).map((frame) => `${frame.memory.tensors} ${frame.memory.bytes}`))).toEqual(
    new Set([`${tensors} ${bytes}`]),
  )
  // A frame adds its mark and what was said, until the text slides.
  const slides = captioned.filter((frame, i) => i > 0 && frame.cachedTokens < captioned[i - 1]!.cachedTokens)
  expect(slides.length).toBeGreaterThan(0)
  for (const [i, { cachedTokens, tokens }] of captioned.entries()) {
    expect(cachedTokens).toBeLessThanOrEqual(256)
    if (i > 0 && !slides.includes(captioned[i]!)) expect(cachedTokens).toBe(captioned[i - 1]!.cachedTokens + 1 + tokens)
  }
  expect(memory()).toEqual(before)
}, 60_000)

test('a frame ends by a stop token, by its tokens or by its time; silence is a caption too', async () => {
  const stop = vlm.tokenizer.idOf('<|end|>')!
  let turn = 0
  const { sampler } = watched(() => (turn++ % 2 === 0 ? 70 : stop))
  const spoken = await captionAll(video(2), { sampler, prefix: '' })
  expect(spoken.map(({ end, tokens, text }) => [end, tokens, text])).toEqual([
    ['stop', 2, vlm.tokenizer.decode([70])],
    ['stop', 2, vlm.tokenizer.decode([70])],
  ])

  const [silent] = await captionAll(video(1), { sampler: () => stop, prefix: '' })
  expect(silent).toMatchObject({ end: 'stop', tokens: 1, text: '', startMs: 0, endMs: 500 })

  let clock = 0
  const timed = await captionAll([{ image: picture(0), timeMs: 0, durationMs: 40 }], {
    sampler: () => 70,
    prefix: '',
    framesPerSecond: 4,
    budgetMs: undefined,
    now: () => (clock += 30),
  })
  // The clock moves 30 ms a look: arrival 30, first token 60, then one look a token until 250 ms are over.
  expect(timed[0]).toMatchObject({ end: 'time', tokens: 8, timeToFirstTokenMs: 30, endMs: 40 })
})

test('the prefix is said first, and captions become subtitles', async () => {
  const frames = await captionAll(video(2), { sampler: () => 70, maxTokensPerFrame: 1 })
  const letter = vlm.tokenizer.decode([70])
  expect(frames.map(({ text }) => text)).toEqual([`In this video${letter}`, letter])
  expect(formatSrt(captionCues(frames))).toBe(
    `1\n00:00:00,000 --> 00:00:00,500\nIn this video${letter}\n\n2\n00:00:00,500 --> 00:00:01,000\n${letter}\n`,
  )
})

test('frames may come as they are made, and an abort ends the stream', async () => {
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
  expect(memory().tensors).toBe(before)
})

test('what cannot work is refused by name', async () => {
  await expect(captionAll(video(40), { maxTokensPerFrame: 3, capacityTokens: 64, whenFull: 'error' })).rejects.toThrow(
    'raise capacityTokens, or let the text slide',
  )
  await expect(captionAll(video(2), { maxTokensPerFrame: 40, capacityTokens: 64 })).rejects.toThrow('raise capacityTokens')
  await expect(captionAll(video(1), { maxTokensPerFrame: 0 })).rejects.toThrow(
    'captionStream: maxTokensPerFrame: expected a number above 0, found 0',
  )
  const unmarked = { ...vlm, template: { ...vlm.template, image: {} } }
  await expect((async () => void (await captionStream(unmarked, video(1)).next()))()).rejects.toThrow('marks images by no token')

  const inserting = createVlm({ ...config, fusion_config: { kind: 'insertion' } }, 1, files)
  const sampler = () => 70
  const grown: number[] = []
  for await (const { cachedTokens } of captionStream(inserting, video(3), { sampler, maxTokensPerFrame: 2 }))
    grown.push(cachedTokens)
  // With insertion every frame leaves its four image tokens in the cache, beside its mark and two letters.
  expect([grown[1]! - grown[0]!, grown[2]! - grown[1]!]).toEqual([7, 7])
  await expect((async () => void (await captionStream(inserting, video(1), { whenFull: 'slide' }).next()))()).rejects.toThrow(
    'captionStream: whenFull: expected "error"',
  )
  inserting.dispose()
})
