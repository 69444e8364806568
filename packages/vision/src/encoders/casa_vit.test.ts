import fc from 'fast-check'
import { init, keep, tensor } from '@casa-js/tensor'
import { beforeAll, expect, test } from 'vitest'
import { randomParams, tinyEncoder } from '../fixtures/bind-family.ts'
import { casa_vit, fitToStride } from './casa_vit.ts'

const valid = {
  model_type: 'casa_vit',
  patch_size: 4,
  stem_channels: [64, 128],
  hidden_size: 192,
  depth: 4,
  num_heads: 6,
  intermediate_size: 512,
  spatial_merge_size: 2,
  out_hidden_size: 256,
}

beforeAll(async () => {
  await init({ device: 'cpu' })
})

test('a config and its weights', () => {
  const config = casa_vit.parseConfig(valid)
  expect(config).toMatchObject({
    windowUnits: 0,
    fullBlocks: [],
    stemChannels: [64, 128],
    minPixels: 32 * 32,
    maxPixels: 1024 * 32 * 32,
  })
  const shapes = Object.fromEntries(casa_vit.tensors(config).map(({ name, shape }) => [name, shape]))
  expect(shapes).toMatchObject({
    'vision.stem.0.convolution.weight': [64, 9 * 48],
    'vision.stem.1.convolution.weight': [128, 9 * 64],
    'vision.stem.1.norm.weight': [128],
    'vision.embed.weight': [192, 128],
    'vision.blocks.3.attn.qkv.weight': [576, 192],
    'vision.merger.proj.weight': [256, 4 * 192],
  })
  expect(new Set(Object.keys(shapes)).size).toBe(casa_vit.tensors(config).length)
  const plain = casa_vit.parseConfig({ ...valid, stem_channels: [] })
  expect(casa_vit.tensors(plain)[0]).toMatchObject({ name: 'vision.embed.weight', shape: [192, 48] })
})

test.each([
  ['num_heads', 7, 'num_heads: expected heads of a multiple of 4'],
  ['patch_size', 0, 'patch_size: expected an integer of 1 to'],
  ['stem_channels', [64, 0], 'stem_channels: expected at most 6 numbers above 0, found [64,0]'],
  ['window_size', 40, 'window_size: expected 0 or a multiple of the total stride, 32 pixels, found 40'],
  ['fullatt_block_indexes', [9], 'fullatt_block_indexes: expected indexes of the 4 blocks'],
  ['max_pixels', 1023, 'max_pixels: expected at least min_pixels'],
  ['out_hidden_size', null, 'out_hidden_size: expected an integer'],
])('%s = %j is refused by name', (field, value, message) => {
  expect(() => casa_vit.parseConfig({ vision_config: { ...valid, [field]: value } })).toThrow(
    'config.json: vision_config: ' + message,
  )
})

test('sides are multiples of the stride, near the image, and never beyond the largest area', () => {
  const side = fc.integer({ min: 1, max: 20_000 })
  fc.assert(
    fc.property(side, side, fc.constantFrom(8, 16, 32), fc.integer({ min: 1, max: 400 }), (heightPx, widthPx, stride, room) => {
      const out = fitToStride({ heightPx, widthPx }, stride, stride * stride, room * stride * stride)
      expect([out.heightPx % stride, out.widthPx % stride]).toEqual([0, 0])
      expect(Math.min(out.heightPx, out.widthPx)).toBeGreaterThanOrEqual(stride)
      expect(out.heightPx * out.widthPx).toBeLessThanOrEqual(room * stride * stride)
      const area = heightPx * widthPx
      if (area >= stride * stride && area <= 0.5 * room * stride * stride && Math.min(heightPx, widthPx) >= stride) {
        for (const [was, is] of [
          [heightPx, out.heightPx],
          [widthPx, out.widthPx],
        ])
          expect(Math.abs(was! - is!)).toBeLessThanOrEqual(stride / 2)
      }
    }),
    { numRuns: 500 },
  )
})

test('sizes, by example', () => {
  const fit = (widthPx: number, heightPx: number, min = 1, max = 1e6) =>
    Object.values(fitToStride({ heightPx, widthPx }, 16, min, max)).reverse()
  expect(fit(100, 20)).toEqual([96, 16])
  expect(fit(1, 1)).toEqual([16, 16])
  expect(fit(1, 20_000)).toEqual([16, 20_000])
  expect(fit(20_000, 1, 1, 2560)).toEqual([160, 16])
  expect(fit(20, 20, 4096)).toEqual([64, 64])
  expect(fit(2000, 1000, 1, 80_000)).toEqual([384, 208])
})

test('a picture of any size becomes patches that the encoder takes', () => {
  const { encoder, config } = tinyEncoder(casa_vit)
  for (const [widthPx, heightPx] of [
    [1, 1],
    [3, 200],
    [61, 37],
    [200, 200],
  ]) {
    const patches = casa_vit.process(
      { widthPx: widthPx!, heightPx: heightPx!, data: new Uint8Array(widthPx! * heightPx! * 3).fill(99) },
      config,
    )
    expect(patches.values).toHaveLength(patches.grid.rows * patches.grid.columns * 12)
    const features = encoder.encode([patches])
    expect(features.shape).toEqual([encoder.tokens(patches.grid), 12])
    features.dispose()
  }
})

test('only absolute positions distinguish the cells of a flat image', async () => {
  const patches = { values: new Float32Array(4 * 6 * 48).fill(0.5), grid: { rows: 4, columns: 6 }, valuesPerPatch: 48 }
  for (const absolute_positions of [false, true]) {
    const config = casa_vit.parseConfig({ ...valid, stem_channels: [], depth: 1, spatial_merge_size: 1, absolute_positions })
    const features = casa_vit.bind(config, randomParams(casa_vit.tensors(config), 5)).encode([patches])
    const values = await features.data()
    const spread = Math.max(...values.map((value, i) => Math.abs(value - values[i % 256]!)))
    if (absolute_positions) expect(spread).toBeGreaterThan(0.1)
    else expect(spread).toBeLessThan(1e-4)
  }
})

/** A direct convolution in float64, from the definition. */
test('a stage of the stem is a 3x3 convolution of stride 2 with zeros around', async () => {
  // One stage, with only a linear map after it: zero blocks, identity embedding and merger.
  const config = casa_vit.parseConfig({
    depth: 1,
    hidden_size: 4,
    num_heads: 1,
    intermediate_size: 1,
    patch_size: 1,
    stem_channels: [4],
    spatial_merge_size: 1,
    out_hidden_size: 4,
  })
  const identity = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
  const kernel = Float32Array.from({ length: 4 * 27 }, (_, i) => Math.sin(i * 1.7))
  const params = Object.fromEntries(
    casa_vit.tensors(config).map(({ name, shape, init: start }) => {
      const size = shape.reduce((a, b) => a * b)
      const values = name.endsWith('convolution.weight')
        ? kernel
        : /(embed|merger.proj).weight/.test(name)
          ? identity
          : new Float32Array(size).fill(start.kind === 'ones' ? 1 : 0)
      return [name, keep(tensor(values, shape))]
    }),
  )
  const [rows, columns] = [4, 6]
  const values = Float32Array.from({ length: rows * columns * 3 }, (_, i) => Math.cos(i * 0.9))
  const out = await casa_vit
    .bind(config, params)
    .encode([{ values, grid: { rows, columns }, valuesPerPatch: 3 }])
    .data()

  const rms = (x: number[]) => x.map((value) => value / Math.sqrt(x.reduce((total, v) => total + v * v, 0) / x.length + 1e-6))
  const gelu = (x: number) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
  for (let r = 0; r < 2; r++) {
    for (let c = 0; c < 3; c++) {
      const convolved = [0, 1, 2, 3].map((channel) => {
        let total = 0
        for (let y = 0; y < 3; y++) {
          for (let x = 0; x < 3; x++) {
            const [row, column] = [2 * r - 1 + y, 2 * c - 1 + x]
            if (row < 0 || column < 0 || row >= rows || column >= columns) continue
            for (let rgb = 0; rgb < 3; rgb++)
              total += kernel[channel * 27 + (y * 3 + x) * 3 + rgb]! * values[(row * columns + column) * 3 + rgb]!
          }
        }
        return total
      })
      const expected = rms(rms(convolved).map(gelu))
      expected.forEach((value, channel) => expect(out[(r * 3 + c) * 4 + channel]).toBeCloseTo(value, 5))
    }
  }
})

test('standardize_images makes ink and paper of any colour look alike', () => {
  const config = casa_vit.parseConfig({
    hidden_size: 8,
    num_heads: 2,
    depth: 1,
    intermediate_size: 8,
    patch_size: 2,
    spatial_merge_size: 1,
    out_hidden_size: 8,
    standardize_images: true,
  })
  const draw = (ink: number, paper: number) => {
    const data = Uint8Array.from({ length: 8 * 8 * 3 }, (_, i) => (Math.floor(i / 3) % 5 === 0 ? ink : paper))
    return casa_vit.process({ widthPx: 8, heightPx: 8, data }, config).values
  }
  const [dark, faint, flat] = [draw(0, 255), draw(100, 140), draw(90, 90)]
  dark.forEach((value, at) => expect(faint[at]).toBeCloseTo(value, 1))
  expect(Math.max(...flat.map(Math.abs))).toBeLessThan(0.01)
})
