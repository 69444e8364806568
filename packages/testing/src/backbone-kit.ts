/**
 * The test suite of a backbone family: laws that every family must satisfy, on every device, with a small config; and,
 * with a golden folder, agreement with the original's numbers.
 */
import type { Backbone, BackboneFamily, Params } from '@casa-js/core'
import { crossEntropy, dispose, memory, scope, shapeOf, valueAndGradients, type Tensor } from '@casa-js/tensor'
import { fileSource, loadEach, openModelFolder, Safetensors } from '@casa-js/weights'
import { matchTable } from '@casa-js/weights/internal'
import { keep, tensor } from '@casa-js/tensor'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { cachedEqualsFull, hooksAreIdentities, isCausal, logitsOf, packingEqualsSeparate } from './backbone-laws.ts'
import { expectNear, take } from './compare.ts'
import { expectFieldErrors, expectRequired } from './config-laws.ts'
import { describeOnDevices, type DeviceTolerances } from './devices.ts'
import { expectTable, lawsBut, type Skips } from './laws.ts'
import { plannedEqualsOpByOp } from './plan-laws.ts'
import { randomIds, randomParams } from './random-params.ts'

export interface BackboneKitOptions {
  /** Folder with config.json, config.v4.json, model.safetensors and golden.safetensors, as docs/goldens/make_models.py writes it. */
  golden?: string
  /** Other config.json files (in the golden folder) that must parse to the same config. */
  sameConfigs?: string[]
  /** Laws that this family does not satisfy, and why. */
  skip?: Skips<BackboneLaw>
}

export type BackboneLaw =
  'config' | 'table' | 'cache' | 'causal' | 'packing' | 'hooks' | 'gradients' | 'memory' | 'plan' | 'golden'

const requiredFields = ['hidden_size', 'num_hidden_layers', 'num_attention_heads', 'intermediate_size', 'vocab_size']

/** Await it at the top of a test file. */
export async function describeBackbone(family: BackboneFamily, options: BackboneKitOptions = {}): Promise<void> {
  const { golden, sameConfigs = ['config.v4.json'] } = options
  const law = lawsBut<BackboneLaw>(options.skip)

  describe(`${family.modelType}: config and tensors`, () => {
    law('table', 'names every tensor once, with sizes above 0', () => {
      expectTable(family.tensors(family.tinyConfig()))
    })
    if (!golden) return
    const read = (file: string) => JSON.parse(readFileSync(join(golden, file), 'utf8'))
    law('config', 'says which field is wrong or missing', () => {
      const json = read('config.json')
      expectFieldErrors((j) => family.parseConfig(j), json)
      if (!json.text_config) expectRequired((j) => family.parseConfig(j), json, requiredFields)
    })
    for (const file of sameConfigs) {
      law('config', `reads ${file} as the same config`, () =>
        expect(family.parseConfig(read(file))).toEqual(family.parseConfig(read('config.json'))),
      )
    }
  })

  await describeOnDevices(family.modelType, (device) => {
    let params: Params
    let backbone: Backbone
    beforeAll(() => {
      const config = family.tinyConfig()
      params = randomParams(family.tensors(config))
      backbone = family.bind(config, params)
    })
    afterAll(() => dispose(...Object.values(params)))

    law('table', 'has the shapes that it declares', async () => {
      const logits = await logitsOf(backbone, { ids: randomIds(3, backbone.vocabSize) })
      expect(logits.length).toBe(3 * backbone.vocabSize)
      expect(shapeOf(backbone.head)).toEqual([backbone.vocabSize, backbone.width])
      expect(() => backbone.embed(Int32Array.of(backbone.vocabSize)), 'an id outside the vocabulary').toThrow()
    })
    law('cache', 'decodes the same with and without a cache', () => cachedEqualsFull(backbone, 4 * device.forward))
    law('causal', 'sees no later token', () => isCausal(backbone, device.forward))
    law('packing', 'keeps packed samples apart', () => packingEqualsSeparate(backbone, 4 * device.forward))
    law('hooks', 'gives a fusion the parts of attention', () => hooksAreIdentities(backbone, 4 * device.forward))
    law('gradients', 'has correct gradients', () => gradientsAreRight(backbone, params, device))
    law('memory', 'leaves no tensor behind', async () => {
      const before = memory().tensors
      for (let i = 0; i < 3; i++) await logitsOf(backbone, { ids: randomIds(5, backbone.vocabSize) })
      expect(memory().tensors).toBe(before)
    })
    law('plan', 'decodes from a plan as op by op', () =>
      // On a GPU, heads are planned in vectors of four, whose halves are rotated.
      plannedEqualsOpByOp(backbone, {
        tolerance: 4 * device.forward,
        tokens: backbone.replayable && backbone.headSize % 8 === 0 ? 4 : 0,
      }),
    )
    if (golden) {
      law('golden', 'equals the original: taps, logits, loss, gradients, a greedy continuation', () =>
        backboneEqualsGolden(family, golden, device),
      )
    }
  })
}

function lossOf(backbone: Backbone, ids: Int32Array, cu: Int32Array, taps?: (layer: number, x: Tensor) => void): Tensor {
  const weights = new Float32Array(ids.length)
  const positions = new Int32Array(ids.length)
  for (let s = 0; s + 1 < cu.length; s++) {
    for (let t = cu[s]!; t < cu[s + 1]!; t++) {
      positions[t] = t - cu[s]!
      weights[t] = t + 1 < cu[s + 1]! ? 1 : 0
    }
  }
  const step = { tokens: ids.length, cu, rotary: backbone.rotary(positions) }
  let x = backbone.embed(ids)
  for (let layer = 0; layer < backbone.layers; layer++) {
    x = backbone.layer(layer, x, step)
    taps?.(layer, x)
  }
  return crossEntropy(
    backbone.logits(backbone.finalNorm(x)),
    Int32Array.from(ids, (_, t) => ids[t + 1] ?? 0),
    weights,
  )
}

/** Along a random direction in the space of all weights, the gradient equals the slope of the loss. */
async function gradientsAreRight(backbone: Backbone, params: Params, { device }: DeviceTolerances): Promise<void> {
  const ids = randomIds(8, backbone.vocabSize)
  const cu = Int32Array.of(0, 5, 8)
  const names = Object.keys(params)
  const { value, gradients } = valueAndGradients(() => lossOf(backbone, ids, cu), Object.values(params))
  value.dispose()
  const values = await Promise.all(gradients.map(take))
  for (const [i, gradient] of values.entries()) {
    expect(gradient.every(Number.isFinite), `gradient of ${names[i]} is finite`).toBe(true)
    expect(
      gradient.some((x) => x !== 0),
      `gradient of ${names[i]} is not all zero: is the weight used, and differentiably?`,
    ).toBe(true)
  }
  if (device !== 'cpu') return
  const direction = values.map((gradient, i) => gradient.map((x, at) => x + 0.1 * Math.sin(at + i)))
  const expected = values.reduce((sum, gradient, i) => sum + gradient.reduce((s, x, at) => s + x * direction[i]![at]!, 0), 0)
  const originals = await Promise.all(Object.values(params).map(async (p) => (await p.data()).slice() as Float32Array))
  const family = {
    at: async (distance: number) => {
      for (const [i, p] of Object.values(params).entries()) {
        const data = (await p.data()) as Float32Array
        data.set(originals[i]!.map((x, at) => x + distance * direction[i]![at]!))
      }
      return (await take(scope(() => lossOf(backbone, ids, cu))))[0]
    },
  }
  const step = 1e-3 / Math.sqrt(direction.reduce((sum, d) => sum + d.reduce((s, x) => s + x * x, 0), 0))
  const slope = ((await family.at(step))! - (await family.at(-step))!) / (2 * step)
  await family.at(0)
  expectNear(
    'slope of the loss along a direction',
    [expected],
    [slope],
    2e-2,
    'an operator used here has a wrong gradient, or a weight is used outside the tape',
  )
}

/**
 * A family over the weights of a golden folder gives the original's layer outputs, logits, loss and selected gradients, and, decoding with a
 * cache, its greedy continuation if the folder has one.
 * @param folder config.json, model.safetensors and golden.safetensors, as the scripts in docs/goldens write them
 */
export async function backboneEqualsGolden(
  family: BackboneFamily,
  folder: string,
  { forward, gradient }: DeviceTolerances,
): Promise<void> {
  const opened = await openModelFolder(folder)
  const golden = await Safetensors.open(await fileSource(join(folder, 'golden.safetensors')))
  const config = family.parseConfig(opened.config)
  const params: Params = {}
  try {
    const table = family.tensors(config)
    matchTable(table, opened.weights, { allowUnexpected: true })
    await loadEach(
      table,
      opened.weights,
      (loaded) => {
        if (loaded.dtype === 'F32') params[loaded.spec.name] = keep(tensor(loaded.values, loaded.spec.shape))
      },
      { allowUnexpected: true },
    )
    const backbone = family.bind(config, params)
    const [B, T] = golden.entries().get('input_ids')!.shape as [number, number]
    const ids = await golden.readInt32('input_ids')
    const cu = Int32Array.from({ length: B + 1 }, (_, b) => b * T)

    const logits = await logitsOf(backbone, { ids, cu })
    const names = [...golden.entries().keys()].filter((name) => name.startsWith('grad.'))
    const taps: Tensor[] = []
    const { value, gradients } = valueAndGradients(
      () => lossOf(backbone, ids, cu, (layer, x) => (taps[layer] = keep(x.clone()))),
      names.map((name) => params[name.slice('grad.'.length)]!),
    )
    for (const [layer, x] of taps.entries())
      expectNear(`output of layer ${layer}`, await take(x), await golden.read(`tap.layer.${layer}`), forward)
    expectNear('logits', logits, await golden.read('logits'), forward, 'the layers agree, so the final norm or the head')
    expectNear('loss', await take(value), await golden.read('loss'), forward)
    for (const [i, name] of names.entries()) expectNear(name, await take(gradients[i]!), await golden.read(name), gradient)
    if (golden.entries().has('greedy_ids')) {
      const expected = [...(await golden.readInt32('greedy_ids'))]
      expect(await continueGreedily(backbone, expected.slice(0, T), expected.length), 'greedy continuation').toEqual(expected)
    }
  } finally {
    dispose(...Object.values(params))
    await Promise.all([opened.weights.close(), golden.close()])
  }
}

/** The prompt in one pass, then one token at a time with the cache. */
async function continueGreedily(backbone: Backbone, prompt: number[], length: number): Promise<number[]> {
  const ids = [...prompt]
  const cache = backbone.createCache(length)
  for (let next = Int32Array.from(prompt); ids.length < length; next = Int32Array.of(ids.at(-1)!)) {
    const last = (await logitsOf(backbone, { ids: next, cache })).subarray(-backbone.vocabSize)
    ids.push(last.indexOf(Math.max(...last)))
  }
  cache.dispose()
  return ids
}
