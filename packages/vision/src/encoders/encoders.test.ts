/** Runs the shared encoder tests on every encoder in the list. */
import { describeVisionEncoder, type VisionKitOptions } from '@casa-js/testing'
import { init } from '@casa-js/tensor'
import { expect, test } from 'vitest'
import { noisePatches, tinyEncoder } from '../fixtures/bind-family.ts'
import { fixture } from '../fixtures/read-golden.ts'
import { visionFamilies } from './families.ts'

const optionsOf: Record<string, VisionKitOptions> = {
  qwen2_5_vl: { golden: fixture('qwen2_5_vl'), sameConfigs: ['config.v4.json'] },
  casa_vit: {
    config: {
      patch_size: 4,
      stem_channels: [64, 128],
      absolute_positions: true,
      hidden_size: 192,
      depth: 4,
      num_heads: 6,
      intermediate_size: 512,
      spatial_merge_size: 2,
      out_hidden_size: 256,
      window_size: 64,
      fullatt_block_indexes: [1, 3],
      min_pixels: 1024,
      max_pixels: 65_536,
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.25, 0.25, 0.25],
    },
  },
}

for (const family of visionFamilies) {
  await describeVisionEncoder(family, optionsOf[family.modelType])

  test(`${family.modelType} refuses a grid that does not divide into units`, async () => {
    await init({ device: 'cpu' })
    const { encoder, config } = tinyEncoder(family)
    const { patchSizePx } = config as { patchSizePx: number }
    expect(() => encoder.encode([noisePatches(3, 5, 3 * patchSizePx ** 2)])).toThrow('does not divide into units')
  })
}
