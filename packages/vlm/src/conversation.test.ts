import { close, init, memory } from '@casa-js/tensor'
import { readerTokens, trainBpe } from '@casa-js/tokenizers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  createConversation,
  createSession,
  createVlm,
  type Conversation,
  type GenerateOptions,
  type Sampler,
  type Vlm,
} from './index.ts'
import { likeliest } from './sampling/index.ts'

const config = {
  model_type: 'casa_vlm',
  text_config: {
    model_type: 'llama',
    vocab_size: 262,
    hidden_size: 16,
    intermediate_size: 32,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    tie_word_embeddings: true,
    max_position_embeddings: 256,
  },
  vision_config: {
    model_type: 'casa_vit',
    patch_size: 4,
    stem_channels: [4],
    absolute_positions: true,
    hidden_size: 8,
    depth: 1,
    num_heads: 1,
    intermediate_size: 16,
    spatial_merge_size: 2,
    out_hidden_size: 16,
    max_pixels: 4096,
  },
  fusion_config: { kind: 'casa', keys: 'image+text', place: 'parallel', norm_images: true },
}

/** Untrained: it babbles bytes that are no characters, so its text never encodes back to what it said. */
let vlm: Vlm
beforeAll(async () => {
  await init({ device: 'cpu' })
  vlm = createVlm(config, 1, {
    tokenizerJson: trainBpe([], { vocabSize: 262, specialTokens: readerTokens }),
    processorConfig: { chat: { name: 'casa-reader' } },
  })
})
afterAll(async () => {
  vlm.dispose()
  await close()
})

const picture = { type: 'image' as const, image: { widthPx: 16, heightPx: 16, data: new Uint8Array(768).fill(90) } }
const question = [picture, { type: 'text' as const, text: 'What?' }]

async function say(
  conversation: Conversation,
  content: Parameters<Conversation['say']>[0],
  options: GenerateOptions = {},
): Promise<string> {
  let answer = ''
  for await (const { text } of conversation.say(content, { maxNewTokens: 6, ...options })) answer += text
  return answer
}

test('a conversation continues from its cache, whatever was generated, and leaks no tensor', async () => {
  const before = memory().tensors
  const conversation = createConversation(vlm)
  let tokens = 0
  for (const content of [question, 'And now?', question, 'Sure?']) {
    expect(await say(conversation, content)).not.toBe('')
    expect(conversation.tokens).toBeGreaterThan(tokens)
    tokens = conversation.tokens
  }
  expect(conversation.messages.map(({ role }) => role)).toEqual(Array(4).fill(['user', 'assistant']).flat())
  conversation.dispose()
  expect(memory().tensors).toBe(before)
})

test('the third answer is drawn from what a fresh session would see of the whole conversation', async () => {
  const conversation = createConversation(vlm)
  const seen: { ids: number[]; logits: Float32Array }[] = []
  const sampler: Sampler = (logits, ids) => {
    seen.push({ ids: [...ids], logits: logits.slice() })
    return likeliest(logits)
  }
  for (const content of [question, 'And now?', 'Sure?']) await say(conversation, content, { sampler })
  conversation.dispose()
  for (const { ids, logits } of [seen[0]!, seen[7]!, seen.at(-1)!]) {
    const session = createSession(vlm.model)
    // "<|user|>", then the picture.
    const whole = await session.append({ ids: Int32Array.from(ids), images: [{ before: 1, image: picture.image }] })
    session.dispose()
    whole.forEach((value, id) => expect(Math.abs(value - logits[id]!)).toBeLessThan(1e-5))
  }
})

test('an answer that is left early or aborted does not affect the next', async () => {
  const conversation = createConversation(vlm)
  for await (const _ of conversation.say(question)) break
  await say(conversation, 'Go on')
  const stop = new AbortController()
  await expect(
    (async () => {
      for await (const _ of conversation.say('More', { signal: stop.signal })) stop.abort()
    })(),
  ).rejects.toThrow(/abort/i)
  await say(conversation, 'Still there?')
  expect(conversation.messages).toHaveLength(8)
  conversation.dispose()
})

test('pixels are released after the model has read them, where that is asked for, and the answers are the same', async () => {
  const answers = async (keepPictures: boolean) => {
    const messages = [
      { role: 'user' as const, content: [picture] },
      { role: 'assistant' as const, content: [{ type: 'text' as const, text: 'a' }] },
    ]
    const conversation = createConversation(vlm, { messages, keepPictures })
    let text = ''
    for (const content of [[picture, { type: 'text' as const, text: 'b' }], 'c', [picture]])
      for await (const step of conversation.say(content, { maxNewTokens: 4 })) text += step.text
    const images = conversation.messages.flatMap(({ content }) =>
      content.flatMap((part) => (part.type === 'image' ? [part.image] : [])),
    )
    conversation.dispose()
    return { text, images }
  }
  const [kept, released] = [await answers(true), await answers(false)]
  expect(released.text).toBe(kept.text)
  expect(kept.images.map(({ data }) => data.length)).toEqual([768, 768, 768])
  expect(released.images).toEqual(Array.from({ length: 3 }, () => ({ widthPx: 16, heightPx: 16, data: new Uint8Array(0) })))
  expect(picture.image.data.length).toBe(768)
})
