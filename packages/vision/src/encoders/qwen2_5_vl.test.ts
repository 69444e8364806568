import type { Params } from '@casa-js/core'
import { keep, tensor, type Tensor } from '@casa-js/tensor'
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { decodeImage } from '../decode.ts'
import { describeOnDevices, forwardTolerance } from '../fixtures/on-devices.ts'
import { fixture, readGolden, type GoldenTensor } from '../fixtures/read-golden.ts'
import { clipStd, clipMean, patchify } from '../patchify.ts'
import { resize } from '../resize.ts'
import { qwen2_5_vl } from './qwen2_5_vl.ts'

const checkpoint = readGolden('qwen2_5_vl/model.safetensors')
const readConfig = (file: string) => JSON.parse(readFileSync(fixture(`qwen2_5_vl/${file}`), 'utf8'))

/** Largest difference, relative to the largest expected value. */
const relativeError = async (actual: Tensor, expected: GoldenTensor) => {
  expect(actual.shape).toEqual(expected.shape)
  const values = await actual.data()
  let [worst, largest] = [0, 0]
  expected.data.forEach((value, i) => {
    worst = Math.max(worst, Math.abs(values[i]! - value))
    largest = Math.max(largest, Math.abs(value))
  })
  return worst / largest
}

await describeOnDevices('the golden weights', (device) => {
  const config = qwen2_5_vl.parseConfig(readConfig('config.json'))
  const params: Params = {}
  beforeAll(() => {
    for (const { name, shape } of qwen2_5_vl.tensors(config)) {
      expect(checkpoint[name]?.shape, name).toEqual(shape)
      params[name] = keep(tensor(checkpoint[name]!.data, shape))
    }
    expect(Object.keys(params).sort()).toEqual(Object.keys(checkpoint).sort())
  })

  test('a single frame through the summed kernel equals the same frame doubled', async () => {
    const encoder = qwen2_5_vl.bind(config, params)
    const photo = resize(await decodeImage(readFileSync(fixture('images/china.png'))), 140, 84)
    const [single, doubled] = [1, 2].map((frames) =>
      encoder.encode([patchify(photo, { patchSizePx: 14, mergeSize: 2, frames, mean: clipMean, std: clipStd })]),
    ) as [Tensor, Tensor]
    expect(single.shape).toEqual([15, 48])
    expect(await relativeError(single, { shape: doubled.shape, data: (await doubled.data()) as Float32Array })).toBeLessThan(
      forwardTolerance(device),
    )
  })
})

describe('config.json', () => {
  const valid = readConfig('config.json')
  const without = (field: string, value?: unknown) => ({ ...valid, vision_config: { ...valid.vision_config, [field]: value } })

  test('what the published file says', () => {
    expect(qwen2_5_vl.parseConfig(valid)).toMatchObject({
      depth: 4,
      width: 32,
      intermediateSize: 44,
      heads: 4,
      windowUnits: 2,
      fullBlocks: [1, 3],
      patchSizePx: 14,
      outputWidth: 48,
    })
  })

  test.each([
    ['depth', undefined, 'config.json: vision_config: depth: expected an integer of 1 to 4096, found nothing'],
    ['num_heads', 5, 'config.json: vision_config: num_heads: expected heads of a multiple of 4'],
    ['in_channels', 4, 'config.json: vision_config: in_channels: expected 3 channels, found 4'],
    ['hidden_act', 'relu', 'config.json: vision_config: hidden_act: expected "silu", found "relu"'],
    ['window_size', 14, 'config.json: vision_config: window_size: expected at least one merged patch of 28 pixels, found 14'],
    [
      'fullatt_block_indexes',
      [4],
      'config.json: vision_config: fullatt_block_indexes: expected indexes of the 4 blocks, found [4]',
    ],
    ['temporal_patch_size', 3, 'config.json: vision_config: temporal_patch_size: expected 2 frames, found 3'],
    ['image_std', [1, 0, 1], 'config.json: vision_config: image_std: expected three numbers above 0'],
  ])('%s = %j is refused by name', (field, value, message) => {
    expect(() => qwen2_5_vl.parseConfig(without(field, value))).toThrow(message)
  })

  test('areas of a processor config, under either name, and the stock ones', () => {
    const stock = qwen2_5_vl.parseConfig(valid)
    expect([stock.minPixels, stock.maxPixels]).toEqual([3136, 12_845_056])
    expect(qwen2_5_vl.parseConfig({ ...valid, min_pixels: 784, max_pixels: 7840 })).toMatchObject({
      minPixels: 784,
      maxPixels: 7840,
    })
    expect(qwen2_5_vl.parseConfig({ ...valid, size: { shortest_edge: 784, longest_edge: 7840 } })).toMatchObject({
      minPixels: 784,
      maxPixels: 7840,
    })
    expect(() => qwen2_5_vl.parseConfig({ ...valid, min_pixels: 2, max_pixels: 1 })).toThrow(
      'max_pixels: expected at least min_pixels = 2, found 1',
    )
    // Every thumbnail would be enlarged to that.
    for (const least of [1e8, 2e9]) {
      for (const areas of [{ min_pixels: least }, { size: { shortest_edge: least, longest_edge: least } }])
        expect(() => qwen2_5_vl.parseConfig({ ...valid, max_pixels: 2e9, ...areas })).toThrow(
          /(min_pixels|size: shortest_edge): expected an integer of 1 to 16777216/,
        )
    }
  })
})
