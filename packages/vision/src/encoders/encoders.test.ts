/** Laws that every encoder of the list obeys. */
import type { Params, Patches } from '@casa-js/core'
import {
  init,
  multiply,
  noGrad,
  scope,
  sum,
  tensor,
  valueAndGradients,
  withoutLeaks,
  type DeviceName,
  type Tensor,
} from '@casa-js/tensor'
import { expect, test } from 'vitest'
import { noisePatches, tinyEncoder } from '../fixtures/bind-family.ts'
import { describeOnDevices } from '../fixtures/on-devices.ts'
import { visionFamilies } from './families.ts'

const valuesOf = async (t: Tensor) => {
  const values = (await t.data()) as Float32Array
  t.dispose()
  return values
}
const largestDifference = (a: Float32Array, b: Float32Array) => {
  expect(a.length).toBe(b.length)
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i])), 0)
}

for (const family of visionFamilies)
  await describeOnDevices(family.modelType, (device) => {
    const tiny = () => {
      const { encoder, params, config } = tinyEncoder<any>(family)
      const side = 2 ** (config.stemChannels?.length ?? 0) * config.mergeSize
      const patches = (rows: number, columns: number, seed: number) =>
        noisePatches(rows * side, columns * side, 3 * config.patchSizePx ** 2, seed)
      // Grids whose windows do not divide, a strip, and a single token.
      const images: Patches[] = [patches(3, 5, 1), patches(1, 4, 2), patches(1, 1, 3)]
      return { encoder, params, config, images }
    }

    test('shapes, and tokens as announced', async () => {
      const { encoder, images } = tiny()
      const tokens = images.map(({ grid }) => encoder.tokens(grid))
      expect(tokens).toEqual([15, 4, 1])
      expect(images.map(({ grid }) => encoder.outputGrid(grid))).toEqual([
        { rows: 3, columns: 5 },
        { rows: 1, columns: 4 },
        { rows: 1, columns: 1 },
      ])
      const features = encoder.encode(images)
      expect(features.shape).toEqual([20, encoder.outputWidth])
      expect((await valuesOf(features)).every(Number.isFinite)).toBe(true)
    })

    test('packing changes nothing', async () => {
      const { encoder, images } = tiny()
      const packed = await valuesOf(encoder.encode(images))
      const alone = await Promise.all(images.map((image) => valuesOf(encoder.encode([image]))))
      expect(largestDifference(packed, Float32Array.from(alone.flatMap((values) => [...values])))).toBeLessThan(1e-5)
    })

    test('a full block carries every patch into every token of its image, and into no other', async () => {
      const { encoder, images } = tiny()
      const before = await valuesOf(encoder.encode(images))
      const values = images[0].values.slice()
      values[values.length - 1] += 3
      const after = await valuesOf(encoder.encode([{ ...images[0], values }, ...images.slice(1)]))
      for (let token = 0; token < 20; token++) {
        const row = (all: Float32Array) => all.subarray(token * encoder.outputWidth, (token + 1) * encoder.outputWidth)
        const difference = largestDifference(row(before), row(after))
        if (token < 15) expect(difference, `token ${token}`).toBeGreaterThan(1e-6)
        else expect(difference, `token ${token}`).toBe(0)
      }
    })

    test('frees what it does not return', async () => {
      const { encoder, images } = tiny()
      await withoutLeaks('encode', () => encoder.encode(images).dispose())
      const names: string[] = []
      await withoutLeaks('encodeWithTaps', () => encoder.encodeWithTaps!(images, (name) => names.push(name)).dispose())
      expect(names).toEqual(['vision.0', 'vision.1'])
    })

    test(`gradients of all weights agree with ${device === 'cpu' ? 'finite differences' : 'those of cpu'}`, async () => {
      const gradients = await gradientsOn(device)
      if (device === 'cpu') {
        for (const [name, gradient] of gradients)
          expect(Math.abs((await slopeAlong(name, gradient)) - 1), name).toBeLessThan(0.02)
        return
      }
      for (const [name, expected] of await gradientsOn('cpu')) {
        const tolerance = 1e-4 * expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)
        expect(largestDifference(gradients.get(name)!, expected), name).toBeLessThan(tolerance)
      }
      await init({ device })
    })

    /** A weighted sum of all features, its weights those of the tiny encoder but for the ones given. */
    const weighted = (others: Params = {}) => {
      const { params, config, images } = tiny()
      const all = { ...params, ...others }
      const encoder = family.bind(config, all)
      const weighting = tensor(noisePatches(20, encoder.outputWidth, 1, 9).values, [20, encoder.outputWidth])
      return { params: all, loss: () => sum(multiply(encoder.encode(images), weighting)) }
    }

    async function gradientsOn(where: DeviceName): Promise<Map<string, Float32Array>> {
      await init({ device: where })
      const { params, loss } = weighted()
      const { value, gradients } = valueAndGradients(loss, Object.values(params))
      value.dispose()
      const values = await Promise.all(gradients.map(valuesOf))
      return new Map(Object.keys(params).map((name, i) => [name, values[i]]))
    }

    /** The loss's slope along a weight's gradient by central differences, over the gradient's norm: 1 where it is right. */
    async function slopeAlong(name: string, gradient: Float32Array): Promise<number> {
      const norm = Math.hypot(...gradient)
      expect(norm, `${name} takes part`).toBeGreaterThan(1e-3)
      const start = weighted().params[name]
      const at = await start.data()
      const step = 2e-3
      const lossAt = (distance: number) => {
        const moved = at.map((value, i) => value + (distance * gradient[i]) / norm)
        return valuesOf(noGrad(() => scope(weighted({ [name]: tensor(moved, start.shape) }).loss)))
      }
      const [[ahead], [behind]] = [await lossAt(step), await lossAt(-step)]
      return (ahead - behind) / (2 * step) / norm
    }

    test('refuses patches that are not its own', () => {
      const { encoder, images } = tiny()
      expect(() => encoder.encode([])).toThrow(`${family.modelType}: no image to encode`)
      expect(() => encoder.encode([{ ...images[0], values: images[0].values.subarray(1) }])).toThrow(
        `${family.modelType}: image 0 has`,
      )
      expect(() => encoder.encode([noisePatches(4, 4, 7)])).toThrow('7')
      expect(() => encoder.encode([noisePatches(3, 5, images[0].valuesPerPatch)])).toThrow('does not divide into units')
    })

    test('a missing weight is named', () => {
      const { config, params, images } = tiny()
      const [name] = Object.keys(params).filter((key) => key.includes('blocks.1'))
      const { [name]: _, ...rest } = params
      expect(() => family.bind(config, rest).encode(images)).toThrow(`weight ${name} was not given`)
    })
  })
