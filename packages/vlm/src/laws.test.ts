/** Laws that tie CASA, cross-attention, insertion and the plain backbone to one another. */
import { casa, insertion, none, planInsertion } from '@casa-js/casa'
import type { FusionFamily, Layout, Params } from '@casa-js/core'
import { concat, dispose, gatherRows, scope, tensor, valueAndGradients, withoutLeaks, type Tensor } from '@casa-js/tensor'
import { describeOnDevices, expectNear, plannedEqualsOpByOp, randomIds, randomParams, take } from '@casa-js/testing'
import { llama } from '@casa-js/backbones'
import { memoryFolder } from '@casa-js/weights'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { adapt } from './adapt.ts'
import { createConversation, type AskOptions } from './conversation.ts'
import { picture, tinyVlm } from './fixtures/tiny.ts'
import { loadModel, type Vlm } from './load.ts'
import { bindVlm, fusionTensors, type VlmModel } from './model.ts'
import { createSampler, type Sampler } from './sampling/index.ts'

const qwenFolder = fileURLToPath(new URL('../fixtures/qwen2_5_vl', import.meta.url))

/** The ids of two answers: about a picture, and to a second question. */
async function answersOf(vlm: Vlm, options: AskOptions, sampler: () => Sampler): Promise<number[][]> {
  const conversation = createConversation(vlm, options)
  const answers: number[][] = []
  for (const content of [
    [
      { type: 'image' as const, image: picture(1) },
      { type: 'text' as const, text: 'What?' },
    ],
    'More',
  ]) {
    const ids: number[] = []
    for await (const { id } of conversation.say(content, { ...options, sampler: sampler() })) if (id !== undefined) ids.push(id)
    answers.push(ids)
  }
  conversation.dispose()
  return answers
}

const textOnly = (tokens: number): Layout => ({ tokens, cu: Int32Array.of(0, tokens), images: [] })

await describeOnDevices('laws', ({ forward }) => {
  let params: Params
  const config = llama.tinyConfig()
  beforeAll(() => void (params = randomParams(llama.tensors(config))))
  afterAll(() => dispose(...Object.values(params)))

  /** A model of this fusion over the shared backbone weights; `added` are the fusion's own. */
  function modelOf(fusion: Partial<Record<string, unknown>>): { model: VlmModel; added: Params } {
    const whole = {
      json: {},
      backbone: { family: llama, config },
      fusion: { family: casa, config: casa.parseConfig(fusion) },
      eosTokenIds: [],
    }
    const added = randomParams(fusionTensors(whole, llama.bind(config, params)), 5)
    return { model: bindVlm(whole, { ...params, ...added }), added }
  }

  const logits = (model: VlmModel, ids: Int32Array, layout: Layout, images?: Tensor) =>
    take(scope(() => model.backbone.logits(model.hidden({ ids, layout, patches: [] }, { images }))))

  it('with keys `image` and no image in the prompt, the model is its text backbone', async () => {
    const ids = randomIds(9, config.vocabSize)
    const { model, added } = modelOf({ keys: 'image' })
    const plain = bindVlm(
      { json: {}, backbone: { family: llama, config }, fusion: { family: none, config: {} }, eosTokenIds: [] },
      params,
    )
    expectNear('logits', await logits(model, ids, textOnly(9)), await logits(plain, ids, textOnly(9)), forward)
    dispose(...Object.values(added))
  })

  it('with keys `image+text`, a prompt without images has a window of text, so there it is not', async () => {
    const ids = randomIds(9, config.vocabSize)
    const { model, added } = modelOf({ keys: 'image+text' })
    const plain = bindVlm(
      { json: {}, backbone: { family: llama, config }, fusion: { family: none, config: {} }, eosTokenIds: [] },
      params,
    )
    expect(await logits(model, ids, textOnly(9))).not.toEqual(await logits(plain, ids, textOnly(9)))
    dispose(...Object.values(added))
  })

  it('one image first, shared weights, in place of every self-attention: CASA is insertion with frozen image tokens', async () => {
    const ids = randomIds(6, config.vocabSize)
    const layout: Layout = { tokens: 6, cu: Int32Array.of(0, 6), images: [{ sample: 0, before: 0, tokens: 4 }] }
    const { model } = modelOf({ keys: 'image+text', place: 'replace', shared: true })
    const { backbone } = model
    const images = tensor(
      Float32Array.from({ length: 4 * backbone.width }, (_, i) => Math.sin(3 * i)),
      [4, backbone.width],
    )
    const inserted = await take(
      scope(() => {
        const plan = planInsertion(layout, 1)
        const step = { tokens: plan.order.length, cu: plan.cu, rotary: backbone.rotary(plan.positions) }
        let text = backbone.embed(ids)
        for (let layer = 0; layer < backbone.layers; layer++) {
          // Image tokens enter every layer as they came from the encoder.
          const joint = gatherRows(concat([images, text], 0), plan.order)
          text = gatherRows(backbone.layer(layer, joint, step), plan.textRows)
        }
        return backbone.logits(backbone.finalNorm(text))
      }),
    )
    expectNear('logits', await logits(model, ids, layout, images), inserted, 4 * forward)
    images.dispose()
  })

  for (const fusion of [
    { keys: 'image+text' },
    { keys: 'image' },
    { keys: 'image+text', place: 'before', ffn_updates: true },
    { keys: 'image+text', place: 'replace', every: 2 },
  ]) {
    it(`cutting a packed batch into its samples changes nothing: ${JSON.stringify(fusion)}`, async () => {
      const { model, added } = modelOf(fusion)
      const lengths = [5, 3, 4]
      const slots = [
        [
          { before: 2, tokens: 3 },
          { before: 2, tokens: 1 },
        ],
        [],
        [{ before: 0, tokens: 2 }],
      ]
      const D = config.width
      const pictures = slots.map((list, s) =>
        list.map(({ tokens }, i) => Float32Array.from({ length: tokens * D }, (_, at) => Math.cos(at + 10 * s + i))),
      )
      const samples = lengths.map((length, s) => randomIds(length, config.vocabSize, s + 1))
      const flat = (list: Float32Array[]) => Float32Array.from(list.flatMap((values) => [...values]))
      const asTensor = (list: Float32Array[]) => (list.length > 0 ? tensor(flat(list), [flat(list).length / D, D]) : undefined)

      const starts = lengths.map((_, s) => lengths.slice(0, s).reduce((a, b) => a + b, 0))
      const packed: Layout = {
        tokens: 12,
        cu: Int32Array.of(0, 5, 8, 12),
        images: slots.flatMap((list, sample) =>
          list.map(({ before, tokens }) => ({ sample, before: starts[sample]! + before, tokens })),
        ),
      }
      const all = asTensor(pictures.flat())
      const together = await logits(model, Int32Array.from(samples.flatMap((ids) => [...ids])), packed, all)
      const apart: number[] = []
      for (const [s, ids] of samples.entries()) {
        const images = asTensor(pictures[s]!)
        const layout: Layout = {
          tokens: ids.length,
          cu: Int32Array.of(0, ids.length),
          images: slots[s]!.map((slot) => ({ sample: 0, ...slot })),
        }
        apart.push(...(await logits(model, ids, layout, images)))
        dispose(images)
      }
      expectNear('logits', together, apart, 4 * forward, 'a window, a mask or a position crosses samples')
      dispose(all, ...Object.values(added))
    })
  }

  const fusions: Record<string, [FusionFamily, Record<string, unknown>]> = {
    'no fusion': [none as FusionFamily, {}],
    insertion: [insertion as FusionFamily, {}],
    'CASA beside self-attention': [casa as FusionFamily, { keys: 'image+text' }],
    'CASA before it, image tokens updated': [casa as FusionFamily, { keys: 'image+text', place: 'before', ffn_updates: true }],
    'CASA in place of every second, shared': [
      casa as FusionFamily,
      { keys: 'image+text', place: 'replace', every: 2, shared: true },
    ],
    'cross-attention': [casa as FusionFamily, { keys: 'image' }],
  }
  for (const [name, [family, json]] of Object.entries(fusions)) {
    it(`tokens from a plan equal those op by op: ${name}`, async () => {
      const backbone = llama.bind(config, params)
      const parsed = family.parseConfig(json)
      const added = randomParams(family.tensors(parsed, backbone), 5)
      // Pieces of text, and a frame at least.
      await plannedEqualsOpByOp(backbone, { fusion: family.bind(parsed, added, backbone), tolerance: 4 * forward, longer: 13 })
      dispose(...Object.values(added))
    })
  }

  it('a conversation says the same with a plan and without, greedily and by the largest logits', async () => {
    const vlm = tinyVlm()
    for (const sampling of [{}, { temperature: 0.8, topK: 5, seed: 3 }]) {
      const [planned, opByOp] = await Promise.all(
        [true, false].map((plan) => answersOf(vlm, { plan, maxNewTokens: 8 }, () => createSampler(sampling))),
      )
      expect(planned).toEqual(opByOp)
    }
    vlm.dispose()
  })

  it('a CA-adapted Qwen2.5-VL answers a text-only prompt as Qwen2.5-VL does, and trains', async () => {
    const out = mkdtempSync(join(tmpdir(), 'casa-adapted-'))
    await adapt({ language: qwenFolder, fusion: { keys: 'image' } }, out)
    await withoutLeaks('adapting', async () => {
      const [original, adapted] = [await loadModel(qwenFolder), await loadModel(out)]
      const ids = randomIds(8, 100)
      expectNear('logits', await logits(adapted, ids, textOnly(8)), await logits(original, ids, textOnly(8)), forward)
      const copied = await adapted.params['casa.layers.1.k_proj.bias']!.data()
      expect(copied).toEqual(await original.params['model.layers.1.self_attn.k_proj.bias']!.data())

      const grid = { rows: 2, columns: 4 }
      const patches = [{ grid, valuesPerPatch: 1176, values: Float32Array.from({ length: 8 * 1176 }, (_, i) => Math.sin(i)) }]
      const layout: Layout = {
        tokens: 8,
        cu: Int32Array.of(0, 8),
        images: [{ sample: 0, before: 3, tokens: 2, grid: { rows: 1, columns: 2 } }],
      }
      const targets = Int32Array.from(ids, (_, t) => ids[t + 1] ?? 0)
      const weights = Float32Array.from(ids, (_, t) => (t < 7 ? 1 : 0))
      const { value, gradients } = valueAndGradients(
        () => adapted.loss({ ids, layout, patches, targets, weights }),
        [adapted.params['casa.layers.0.v_proj.weight']!],
      )
      expect((await gradients[0]!.data()).some((x) => x !== 0)).toBe(true)
      dispose(value, ...gradients)
      original.dispose()
      adapted.dispose()
    })
    rmSync(out, { recursive: true })
  })
})

it("an adapted folder says what trains: new layers fast, the encoder's last blocks and its merger slowly, the rest not", async () => {
  const out = memoryFolder('adapted')
  const trainingOf = () => JSON.parse(new TextDecoder().decode(out.files.get('config.json'))).training
  await adapt({ language: qwenFolder, fusion: { keys: 'image+text' }, trainLanguage: false, trainedVisionBlocks: 1 }, out)
  const { freeze, groups } = trainingOf()
  expect(groups.map(({ match }: { match: string[] }) => match)).toEqual([['casa.*'], ['*']])
  expect(freeze).toContain('model.*')
  expect(freeze).toContain('visual.blocks.2.attn.qkv.weight')
  expect(freeze.some((name: string) => name.includes('blocks.3') || name.includes('merger'))).toBe(false)
  await adapt({ language: qwenFolder, fusion: { shared: true } }, out)
  expect(trainingOf().groups.map(({ match }: { match: string[] }) => match)).toEqual([['*']])
})

it("adapting refuses an encoder whose output is not the language model's width", async () => {
  const llamaFolder = fileURLToPath(new URL('../../backbones/fixtures/llama-helium1', import.meta.url))
  await expect(adapt({ language: llamaFolder, fusion: {} }, join(tmpdir(), 'never'))).rejects.toThrow('vision_config')
})
