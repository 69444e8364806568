import { close, init } from '@casa-js/tensor'
import type { CasaVitConfig } from '@casa-js/vision'
import { memoryFolder, pathFolder } from '@casa-js/weights'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createModel, loadModel } from './index.ts'
import { parseVlmConfig } from './internal.ts'

const golden = fileURLToPath(new URL('../fixtures/qwen2_5_vl', import.meta.url))
const published = (file = 'config.json') => JSON.parse(readFileSync(`${golden}/${file}`, 'utf8'))
const casaVlm = {
  model_type: 'casa_vlm',
  text_config: {
    model_type: 'llama',
    vocab_size: 40,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 1,
    num_attention_heads: 2,
  },
  vision_config: {
    model_type: 'casa_vit',
    patch_size: 2,
    hidden_size: 16,
    depth: 1,
    num_heads: 2,
    intermediate_size: 20,
    spatial_merge_size: 2,
    out_hidden_size: 16,
  },
  fusion_config: { kind: 'casa' },
}
const limitsOf = (json: unknown, processor?: unknown) => {
  const { minPixels, maxPixels, mean, std } = parseVlmConfig(json, {}, processor).vision!.config as CasaVitConfig
  return { minPixels, maxPixels, mean, std }
}

describe("a folder's own image limits", () => {
  it('are read in every layout', () => {
    for (const file of ['config.json', 'config.v4.json']) {
      const stock = limitsOf(published(file))
      expect(stock).toMatchObject({ minPixels: 3136, maxPixels: 12_845_056 })
      const expected = { ...stock, minPixels: 1568, maxPixels: 7840 }
      expect(limitsOf(published(file), { min_pixels: 1568, max_pixels: 7840 })).toEqual(expected)
      expect(
        limitsOf(published(file), { size: { shortest_edge: 1568, longest_edge: 7840 }, min_pixels: null, max_pixels: null }),
      ).toEqual(expected)
      const statistics = { image_mean: [0.1, 0.2, 0.3], image_std: [1, 2, 3] }
      expect(
        limitsOf(published(file), { image_processor: { size: { shortest_edge: 1568, longest_edge: 7840 }, ...statistics } }),
      ).toEqual({
        ...expected,
        mean: [0.1, 0.2, 0.3],
        std: [1, 2, 3],
      })
    }
  })

  it('yield to what vision_config says itself', () => {
    const json = { ...casaVlm, vision_config: { ...casaVlm.vision_config, max_pixels: 4096 } }
    expect(limitsOf(json, { max_pixels: 99_999, min_pixels: 64 })).toMatchObject({ maxPixels: 4096, minPixels: 64 })
  })

  it.each([
    [{ min_pixels: 'few' }, 'processor_config.json: min_pixels: expected an integer'],
    [
      { image_processor: { image_mean: [1] } },
      'processor_config.json: image_processor: image_mean: expected a list of 3 numbers',
    ],
    [{ size: { longest_edge: 0.5 } }, 'processor_config.json: size: longest_edge: expected an integer'],
    [7, 'processor_config.json: expected an object, found 7'],
    [{ min_pixels: 99, max_pixels: 98 }, 'config.json: vision_config: max_pixels: expected at least min_pixels = 99'],
  ])('are refused by name: %j', (processor, message) => {
    expect(() => parseVlmConfig(published(), {}, processor)).toThrow(message)
  })

  it.each([
    [{ vision_config: { ...casaVlm.vision_config, depth: 0 } }, 'config.json: vision_config: depth: expected an integer'],
    [
      { vision_config: { ...casaVlm.vision_config, model_type: 'clip' } },
      'config.json: vision_config: model_type: expected one of qwen2_5_vl, casa_vit, found "clip"',
    ],
    [
      { vision_config: { ...casaVlm.vision_config, model_type: undefined } },
      'config.json: vision_config: model_type: expected a string, found nothing',
    ],
    [{ vision_config: 3 }, 'config.json: vision_config: expected an object, found 3'],
  ])('and fields of vision_config say where they are: %j', (changed, message) => {
    expect(() => parseVlmConfig({ ...casaVlm, ...changed })).toThrow(message)
  })
})

describe('with a model', () => {
  beforeAll(async () => void (await init({ device: 'cpu' })))
  afterAll(() => close())
  const image = { widthPx: 200, heightPx: 100, data: new Uint8Array(60_000) }
  const pixels = (grid: { rows: number; columns: number }, patchSizePx: number) => grid.rows * grid.columns * patchSizePx ** 2

  it('a fresh one scales pictures to them', () => {
    const model = createModel(casaVlm, 1, { processor: { max_pixels: 1024 } })
    expect(pixels(model.process(image).grid, 2)).toBeLessThanOrEqual(1024)
    model.dispose()
  })

  it('a loaded one too, from either file or both', async () => {
    const original = pathFolder(golden)
    const withFiles = (files: Record<string, unknown>) => {
      const extra = memoryFolder(
        'beside',
        new Map(Object.entries(files).map(([name, json]) => [name, new TextEncoder().encode(JSON.stringify(json))])),
      )
      return { name: 'published', open: async (file: string) => (await extra.open(file)) ?? original.open(file) }
    }
    for (const files of [
      { 'preprocessor_config.json': { max_pixels: 7840 } },
      { 'preprocessor_config.json': { max_pixels: 7840 }, 'processor_config.json': { processor_class: 'Qwen2_5_VLProcessor' } },
      {
        'preprocessor_config.json': { max_pixels: 50_000 },
        'processor_config.json': { image_processor: { size: { shortest_edge: 784, longest_edge: 7840 } } },
      },
    ]) {
      const model = await loadModel(withFiles(files))
      const { grid } = model.process(image)
      expect(pixels(grid, 14)).toBeLessThanOrEqual(7840)
      model.dispose()
    }
  })
})
