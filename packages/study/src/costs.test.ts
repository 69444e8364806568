/** Counted costs against costs worked out by hand. */
import { close, init } from '@casa-js/tensor'
import { createVlm } from '@casa-js/vlm'
import { readerTokens, trainBpe } from '@casa-js/tokenizers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { countMemory, countPass } from './costs.ts'

beforeAll(() => init({ device: 'cpu' }))
afterAll(close)

const D = 16
const F = 24
const L = 2
const H = 2
const K = 1
const E = 8
const V = 280
const tokenizerJson = trainBpe(['one two three'], { vocabSize: V, specialTokens: readerTokens })

function vlmOf(fusion_config: object) {
  const config = {
    model_type: 'casa_vlm',
    text_config: {
      model_type: 'llama',
      vocab_size: V,
      hidden_size: D,
      intermediate_size: F,
      num_hidden_layers: L,
      num_attention_heads: H,
      num_key_value_heads: K,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      max_position_embeddings: 64,
      tie_word_embeddings: true,
    },
    vision_config: {
      model_type: 'casa_vit',
      patch_size: 4,
      stem_channels: [],
      hidden_size: D,
      depth: 1,
      num_heads: 2,
      intermediate_size: 24,
      spatial_merge_size: 1,
      out_hidden_size: D,
    },
    fusion_config,
  }
  return createVlm(config, 1, { tokenizerJson, processorConfig: { chat: { name: 'casa-reader' } } })
}

/** T text tokens, all but the first predicted, no pictures. */
function textBatch(T: number) {
  return {
    ids: new Int32Array(T).fill(5),
    targets: new Int32Array(T).fill(5),
    weights: Float32Array.from({ length: T }, (_, t) => Number(t < T - 1)),
    layout: { tokens: T, cu: Int32Array.of(0, T), images: [] },
    patches: [],
  }
}

describe('operations', () => {
  it('of a decoder on text are those of its projections, its triangle of attention and its head', () => {
    const { model } = vlmOf({ kind: 'none' })
    const T = 7
    const perLayer = 2 * T * D * (H * E) * 2 + 2 * T * D * (K * E) * 2 + 3 * 2 * T * D * F
    const pairs = (T * (T + 1)) / 2
    const attention = 2 * 2 * pairs * H * E
    const head = 2 * (T - 1) * D * V
    const decoder = Object.entries(model.params).flatMap(([name, tensor]) => (name.startsWith('vision') ? [] : [tensor]))
    const { forwardFlops, backwardFlops } = countPass(() => model.loss(textBatch(T)), decoder)
    expect(forwardFlops).toBe(L * (perLayer + attention) + head)
    // Each product has two gradients; attention has five products for two. All inputs of the first layer need theirs: the embedding trains.
    expect(backwardFlops).toBe(L * (2 * perLayer + (5 / 2) * attention) + 2 * head)
    model.dispose()
  })
})

describe('memory', () => {
  const N = 9
  it.each([
    ['none', { kind: 'none' }, 0],
    ['insertion', { kind: 'insertion' }, L * N * 2 * K * E * 4],
  ])('of %s', async (_, config, bytesPerImage) => {
    const { model } = vlmOf(config)
    expect(await countMemory(model, N)).toEqual({ bytesPerImage, bytesPerTextToken: L * 2 * K * E * 4 })
    model.dispose()
  })

  it('of CASA: keys and values of the image in every layer that has one', async () => {
    for (const every of [1, 2]) {
      for (const keys of ['image', 'image+text']) {
        const { model } = vlmOf({ kind: 'casa', keys, every })
        // Windows of text have rows to spare, which are no cost of the image.
        for (const tokens of [N, 100])
          expect((await countMemory(model, tokens)).bytesPerImage).toBe(Math.floor(L / every) * tokens * 2 * K * E * 4)
        model.dispose()
      }
    }
  })
})
