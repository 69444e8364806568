/** Laws that every encoder of the list obeys. */
import type { Patches } from '@casa-js/core'
import { multiply, noGrad, scope, sum, tensor, valueAndGradients, withoutLeaks, type Tensor } from '@casa-js/tensor'
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
  await describeOnDevices(family.modelType, () => {
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

    test('gradients of all weights agree with finite differences', async () => {
      const { encoder, params, images } = tiny()
      const weighting = tensor(noisePatches(20, encoder.outputWidth, 1, 9).values, [20, encoder.outputWidth])
      const loss = () => sum(multiply(encoder.encode(images), weighting))
      const names = Object.keys(params)
      const { value, gradients } = valueAndGradients(
        loss,
        names.map((name) => params[name]),
      )
      value.dispose()
      const lossAt = async (name: string, values: Float32Array) => {
        const shape = params[name].shape
        const moved = family.bind(family.tinyConfig(), { ...params, [name]: tensor(values, shape) })
        const out = noGrad(() => scope(() => sum(multiply(moved.encode(images), weighting))))
        return (await valuesOf(out))[0]
      }
      for (const [i, name] of names.entries()) {
        const gradient = (await gradients[i].data()) as Float32Array
        const at = (await params[name].data()) as Float32Array
        // Along the gradient itself: one number tests all of a tensor's values.
        const norm = Math.hypot(...gradient)
        expect(norm, `${name} takes part`).toBeGreaterThan(1e-3)
        const step = 2e-3
        const towards = (sign: number) => at.map((value, j) => value + (sign * step * gradient[j]) / norm)
        const slope = ((await lossAt(name, towards(1))) - (await lossAt(name, towards(-1)))) / (2 * step)
        expect(Math.abs(slope / norm - 1), `${name}: slope ${slope}, gradient ${norm}`).toBeLessThan(0.02)
      }
    })

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
