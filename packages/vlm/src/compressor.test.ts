/** A Q-Former in front of insertion and of CASA: images of any size become a few tokens, one image never reads another's. */
import { createRandom, type PackedBatch, type Patches, type RgbImage } from '@casa-js/core'
import { dispose, scope, valueAndGradients, withoutLeaks } from '@casa-js/tensor'
import { describeOnDevices, expectNear, randomIds, take } from '@casa-js/testing'
import { expect, it } from 'vitest'
import { createModel } from './load.ts'
import { createSession } from './session.ts'
import type { VlmModel } from './model.ts'

const configOf = (kind: string) => ({
  model_type: 'casa_vlm',
  text_config: {
    model_type: 'llama',
    vocab_size: 40,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
  },
  vision_config: {
    model_type: 'casa_vit',
    patch_size: 2,
    stem_channels: [6],
    hidden_size: 16,
    depth: 1,
    num_heads: 2,
    intermediate_size: 20,
    spatial_merge_size: 2,
    out_hidden_size: 16,
  },
  fusion_config: { kind },
  compressor_config: { kind: 'q-former', num_queries: 3, num_layers: 2, num_heads: 2 },
})

function picture(widthPx: number, heightPx: number, seed: number): RgbImage {
  const random = createRandom(seed)
  return { widthPx, heightPx, data: Uint8Array.from({ length: widthPx * heightPx * 3 }, () => random.integer(0, 255)) }
}

const encode = (model: VlmModel, patches: Patches[]) => take(scope(() => model.encodeImages(patches)))

await describeOnDevices('q-former', ({ forward }) => {
  it('makes the same number of tokens of every image, each from its own pixels', async () => {
    const model = createModel(configOf('insertion'), 1)
    const patches = [picture(16, 8, 1), picture(40, 32, 2)].map((image) => model.process(image))
    const together = await encode(model, patches)
    expect(together.length).toBe(2 * 3 * 16)
    const apart = [...(await encode(model, [patches[0]!])), ...(await encode(model, [patches[1]!]))]
    expectNear('image tokens', together, apart, 4 * forward, 'a query reads another image')
    model.dispose()
  })

  for (const kind of ['insertion', 'casa']) {
    it(`learns in front of ${kind}, and decodes with caches as without`, async () => {
      await withoutLeaks(kind, async () => {
        const model = createModel(configOf(kind), 1)
        const ids = randomIds(7, 40)
        const image = model.process(picture(24, 16, 3))
        const batch: PackedBatch = {
          ids,
          layout: { tokens: 7, cu: Int32Array.of(0, 7), images: [{ sample: 0, before: 2, tokens: 3 }] },
          patches: [image],
          targets: Int32Array.from(ids, (_, t) => ids[t + 1] ?? 0),
          weights: Float32Array.from(ids, (_, t) => (t < 6 ? 1 : 0)),
        }
        const names = Object.keys(model.params)
        const { value, gradients } = valueAndGradients(() => model.loss(batch), Object.values(model.params))
        for (const [i, name] of names.entries())
          expect(
            (await gradients[i]!.data()).some((x) => x !== 0),
            name,
          ).toBe(true)
        dispose(value, ...gradients)

        const full = await take(scope(() => model.backbone.logits(model.hidden(batch))))
        const session = createSession(model)
        await session.append({ ids: ids.subarray(0, 4), images: [{ patches: image, before: 2 }] })
        const last = await session.append({ ids: ids.subarray(4), images: [] })
        expectNear('logits of the last token', last, full.subarray(6 * 40), 8 * forward)
        session.dispose()
        model.dispose()
      })
    })
  }
})
