import type { PackedBatch, RgbImage } from '@casa-js/core'
import { adamwStep, dispose, keep, scope, valueAndGradients, withoutLeaks, zeros } from '@casa-js/tensor'
import { describeFusion, describeOnDevices, expectNear, take } from '@casa-js/testing'
import { encodeChat, readerTokens, trainBpe } from '@casa-js/tokenizers'
import { fusionFamilies } from '@casa-js/casa'
import { ask, createSession, createVlm, loadVlm, saveVlm, type Vlm } from '@casa-js/vlm'
import { memoryFolder } from '@casa-js/weights'
import { expect, it } from 'vitest'
import { gatedCrossAttention } from './gated-cross-attention.ts'

await describeFusion(gatedCrossAttention, {
  cases: {
    'before every block': { config: { every: 1, widening: 2 }, withoutImages: 'its own' },
    'before every second block': { config: { every: 2, widening: 1 }, withoutImages: 'its own' },
  },
})

const families = { fusions: [...fusionFamilies, gatedCrossAttention] }
const config = {
  model_type: 'casa_vlm',
  text_config: {
    model_type: 'llama',
    vocab_size: 262,
    hidden_size: 32,
    intermediate_size: 48,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    tie_word_embeddings: true,
  },
  vision_config: {
    model_type: 'casa_vit',
    patch_size: 4,
    stem_channels: [],
    hidden_size: 16,
    depth: 1,
    num_heads: 2,
    intermediate_size: 32,
    spatial_merge_size: 2,
    out_hidden_size: 32,
    max_pixels: 4096,
  },
  fusion_config: { kind: 'gated-cross-attention', every: 1, widening: 2 },
}
const files = {
  tokenizerJson: trainBpe([], { vocabSize: 262, specialTokens: readerTokens }),
  processorConfig: { chat: { name: 'casa-reader' } },
}

const settings = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0, gradientScale: 1 }

/** One colour all over. */
const picture = (red: number, blue: number): RgbImage => ({
  widthPx: 16,
  heightPx: 16,
  data: Uint8Array.from({ length: 768 }, (_, i) => [red, 0, blue][i % 3]!),
})
const lessons = [
  { image: picture(250, 0), answer: 'red' },
  { image: picture(0, 250), answer: 'blue' },
]

/** Both training examples in one stream. */
function batchOf({ model, tokenizer, template }: Vlm): PackedBatch {
  const samples = lessons.map(({ image, answer }) =>
    encodeChat(
      [
        {
          role: 'user',
          content: [
            { type: 'image', image },
            { type: 'text', text: 'Colour?' },
          ],
        },
        { role: 'assistant', content: [{ type: 'text', text: answer }] },
      ],
      { tokenizer, template },
    ),
  )
  const ids = samples.flatMap((sample) => [...sample.ids])
  const cu = Int32Array.of(0, samples[0]!.ids.length, ids.length)
  const patches = lessons.map(({ image }) => model.process(image))
  return {
    ids: Int32Array.from(ids),
    layout: {
      tokens: ids.length,
      cu,
      images: samples.map(({ images }, sample) => ({
        sample,
        before: cu[sample]! + images[0]!.before,
        tokens: model.vision!.tokens(patches[sample]!.grid),
      })),
    },
    patches,
    targets: Int32Array.from(samples.flatMap((sample) => [...sample.ids.subarray(1), 0])),
    weights: Float32Array.from(samples.flatMap((sample) => [...sample.answer.subarray(1), 0])),
  }
}

await describeOnDevices('a model with gated cross-attention', ({ device, forward }) => {
  it('starts as its language model, learns two colours, is saved, loaded and asked', async () => {
    await withoutLeaks('the whole trial', async () => {
      const vlm = createVlm(config, 1, files, { families })
      const { model } = vlm
      const batch = batchOf(vlm)

      // The gates are 0: pictures change nothing yet.
      const logits = (given: PackedBatch) => take(scope(() => model.backbone.logits(model.hidden(given))))
      const without: PackedBatch = { ...batch, layout: { ...batch.layout, images: [] }, patches: [] }
      expectNear('logits of a new model', await logits(batch), await logits(without), forward)

      const names = Object.keys(model.params)
      const moments = names.map((name) => {
        const { shape } = model.params[name]!
        return { firstMoment: keep(zeros(shape)), secondMoment: keep(zeros(shape)) }
      })
      const losses: number[] = []
      for (let step = 1; step <= (device === 'webgpu' ? 30 : 60); step++) {
        const { value, gradients } = valueAndGradients(() => model.loss(batch), Object.values(model.params))
        losses.push((await take(value))[0]!)
        for (const [i, name] of names.entries()) {
          const tensors = { parameter: model.params[name]!, gradient: gradients[i]!, ...moments[i]! }
          adamwStep(tensors, { ...settings, step })
        }
        dispose(...gradients)
      }
      dispose(...moments.flatMap(({ firstMoment, secondMoment }) => [firstMoment, secondMoment]))
      expect(losses.at(-1)!).toBeLessThan(0.1 * losses[0]!)
      expect((await model.params['gated.layers.0.attention_gate']!.data())[0]).not.toBe(0)

      const folder = memoryFolder('gated')
      await saveVlm(vlm, folder)
      vlm.dispose()
      await expect(loadVlm(folder)).rejects.toThrow('fusion_config: kind: expected one of casa, insertion, none')

      const loaded = await loadVlm(folder, { families })
      for (const { image, answer } of lessons) expect(await ask(loaded, [image], 'Colour?')).toBe(answer)

      // With a cache, one token at a time, as in one pass.
      const again = batchOf(loaded)
      const whole = await take(scope(() => loaded.model.backbone.logits(loaded.model.hidden(again))))
      const session = createSession(loaded.model)
      const end = again.layout.cu[1]!
      for (let t = 0; t < end; t++) {
        const images = again.layout.images[0]!.before === t ? [{ before: 0, patches: again.patches[0]! }] : []
        const row = await session.append({ ids: again.ids.subarray(t, t + 1), images })
        expectNear(`logits of token ${t}`, row, whole.subarray(t * 262, (t + 1) * 262), 8 * forward)
      }
      session.dispose()
      loaded.dispose()
    })
  })
})
