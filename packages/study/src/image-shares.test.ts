import type { Message, RgbImage } from '@casa-js/core'
import { close, init, withoutLeaks } from '@casa-js/tensor'
import { encodeChat, readerTokens, trainBpe } from '@casa-js/tokenizers'
import { createVlm, type Vlm } from '@casa-js/vlm'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { imageShares, summariseShares } from './image-shares.ts'

beforeAll(() => init({ device: 'cpu' }))
afterAll(close)

const layers = 2
const tokenizerJson = trainBpe([], { vocabSize: 262, specialTokens: readerTokens })
const vlmOf = (fusion_config: object): Vlm =>
  createVlm(
    {
      model_type: 'casa_vlm',
      text_config: {
        model_type: 'llama',
        vocab_size: 262,
        hidden_size: 16,
        intermediate_size: 24,
        num_hidden_layers: layers,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        tie_word_embeddings: true,
      },
      vision_config: {
        model_type: 'casa_vit',
        patch_size: 8,
        hidden_size: 8,
        depth: 1,
        num_heads: 2,
        intermediate_size: 16,
        spatial_merge_size: 1,
        out_hidden_size: 16,
      },
      fusion_config,
    },
    1,
    { tokenizerJson, processorConfig: { chat: { name: 'casa-reader' } } },
  )

const picture: RgbImage = { widthPx: 16, heightPx: 16, data: Uint8Array.from({ length: 768 }, (_, i) => i % 251) }
const messages: Message[] = [
  {
    role: 'user',
    content: [
      { type: 'text', text: 'ab' },
      { type: 'image', image: picture },
      { type: 'text', text: 'cd' },
    ],
  },
  { role: 'assistant', content: [{ type: 'text', text: 'xyz' }] },
]

it('gives every layer and every token that has a picture a share between nothing and all', async () => {
  await withoutLeaks('a reading', async () => {
    const vlm = vlmOf({ kind: 'casa', keys: 'image+text' })
    const sample = encodeChat(messages, vlm)
    const rows = await imageShares(vlm, sample)
    const seeing = sample.ids.length - sample.images[0]!.before
    expect(rows).toHaveLength(layers * seeing)
    for (const { share, evenly } of rows) {
      expect(share).toBeGreaterThan(0)
      expect(share).toBeLessThan(1)
      expect(evenly).toBeLessThan(1)
    }
    // The first token of a window of 4 image tokens has them and itself.
    expect(rows[0]).toMatchObject({ layer: 0, evenly: 4 / 5 })
    const summary = summariseShares(rows)
    expect(summary.filter(({ kind }) => kind === 'answer-start')).toMatchObject([
      { layer: 0, tokens: 1 },
      { layer: 1, tokens: 1 },
    ])
    expect(summary.find(({ kind, layer }) => kind === 'answer' && layer === 0)).toMatchObject({ tokens: 2 })
    expect(summary.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(rows.length)
    vlm.dispose()
  })
})

it('is all for cross-attention, which has no text among its keys, and nothing to tell for insertion', async () => {
  const cross = vlmOf({ kind: 'casa', keys: 'image' })
  for (const { share } of await imageShares(cross, encodeChat(messages, cross))) expect(share).toBeCloseTo(1, 6)
  cross.dispose()
  const inserted = vlmOf({ kind: 'insertion' })
  expect(await imageShares(inserted, encodeChat(messages, inserted))).toEqual([])
  inserted.dispose()
})
