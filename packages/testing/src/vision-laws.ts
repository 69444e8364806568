/** Laws of a vision encoder, each a function that fails with the likely cause. They leave no tensor behind. */
import type { Params, Patches, VisionEncoder, VisionEncoderFamily } from '@casa-js/core'
import {
  dispose,
  init,
  multiply,
  noGrad,
  scope,
  sum,
  tensor,
  valueAndGradients,
  withoutLeaks,
  type DeviceName,
} from '@casa-js/tensor'
import { expect } from 'vitest'
import { expectNear, take } from './compare.ts'
import type { DeviceTolerances } from './devices.ts'
import { randomParams } from './random-params.ts'

const encode = (encoder: VisionEncoder, images: Patches[]) => take(encoder.encode(images))

export async function shapesAreAnnounced(encoder: VisionEncoder, images: Patches[]): Promise<void> {
  let tokens = 0
  for (const { grid } of images) {
    const { rows, columns } = encoder.outputGrid(grid)
    expect(encoder.tokens(grid), `tokens of a grid of ${grid.rows} x ${grid.columns}, whose output is ${rows} x ${columns}`).toBe(
      rows * columns,
    )
    tokens += encoder.tokens(grid)
  }
  const features = encoder.encode(images)
  expect(features.shape).toEqual([tokens, encoder.outputWidth])
  expect((await take(features)).every(Number.isFinite), 'features are finite').toBe(true)
}

export async function packingEqualsAlone(encoder: VisionEncoder, images: Patches[], tolerance: number): Promise<void> {
  const alone: number[] = []
  for (const image of images) alone.push(...(await encode(encoder, [image])))
  expectNear(
    'features of packed images',
    await encode(encoder, images),
    alone,
    tolerance,
    'attention crosses images, or indices of one image are not shifted behind those of another',
  )
}

/** Largest change of each token when the last value of the first image changes. */
async function changes(encoder: VisionEncoder, images: Patches[]): Promise<{ first: number; differences: number[] }> {
  const values = images[0]!.values.slice()
  values[values.length - 1]! += 3
  const [before, after] = [await encode(encoder, images), await encode(encoder, [{ ...images[0]!, values }, ...images.slice(1)])]
  const D = encoder.outputWidth
  const differences = Array.from({ length: before.length / D }, (_, token) => {
    const rows = [before, after].map((all) => all.subarray(token * D, (token + 1) * D))
    return rows[0]!.reduce((worst, x, i) => Math.max(worst, Math.abs(x - rows[1]![i]!)), 0)
  })
  return { first: encoder.tokens(images[0]!.grid), differences }
}

export async function imagesAreApart(encoder: VisionEncoder, images: Patches[]): Promise<void> {
  const { first, differences } = await changes(encoder, images)
  for (const [i, difference] of differences.slice(first).entries()) {
    expect(difference, `change of token ${first + i} by another image's patch: boundaries of attention are wrong`).toBe(0)
  }
}

export async function reachesAllTokens(encoder: VisionEncoder, images: Patches[]): Promise<void> {
  const { first, differences } = await changes(encoder, images)
  for (const [token, difference] of differences.slice(0, first).entries()) {
    expect(
      difference,
      `change of token ${token} by a patch of its own image: no block attends to the whole image`,
    ).toBeGreaterThan(1e-6)
  }
}

export async function leavesNothing(encoder: VisionEncoder, images: Patches[]): Promise<void> {
  await withoutLeaks('encode', () => encoder.encode(images).dispose())
  if (!encoder.encodeWithTaps) return
  const names: string[] = []
  await withoutLeaks('encodeWithTaps', () => encoder.encodeWithTaps!(images, (name) => names.push(name)).dispose())
  expect(names.length, 'taps').toBeGreaterThan(0)
  expect(names).toEqual(names.map((_, i) => `vision.${i}`))
}

export function refusesWhatIsNotItsOwn<C>(family: VisionEncoderFamily<C>, config: C, params: Params, images: Patches[]): void {
  const encoder = family.bind(config, params)
  expect(() => encoder.encode([]), 'no image').toThrow(family.modelType)
  const [image] = images as [Patches]
  expect(() => encoder.encode([{ ...image, values: image.values.subarray(1) }]), 'a value too few').toThrow(family.modelType)
  const odd = { values: new Float32Array(image.values.length / image.valuesPerPatch), grid: image.grid, valuesPerPatch: 1 }
  expect(() => encoder.encode([odd]), 'patches of one value').toThrow(family.modelType)
  const name = Object.keys(params).at(-1)!
  const { [name]: _, ...rest } = params
  expect(() => family.bind(config, rest).encode(images), `without ${name}`).toThrow(name)
}

/** On cpu each weight's gradient against the slope of a loss along it, on the two smaller images; elsewhere against cpu's, on all. */
export async function gradientsAreRight<C>(
  family: VisionEncoderFamily<C>,
  config: C,
  images: Patches[],
  { device, gradient: tolerance }: DeviceTolerances,
): Promise<void> {
  if (device !== 'cpu') {
    const found = await gradientsOn(device, family, config, images)
    for (const [name, expected] of await gradientsOn('cpu', family, config, images))
      expectNear(`gradient of ${name}`, found.get(name)!, expected, tolerance)
    await init({ device })
    return
  }
  const few = images.slice(1)
  const params = randomParams(family.tensors(config))
  for (const [name, gradient] of await gradientsOn('cpu', family, config, few)) {
    const norm = Math.hypot(...gradient)
    expect(norm, `gradient of ${name} is not all zero: is the weight used, and differentiably?`).toBeGreaterThan(1e-3)
    const start = (await params[name]!.data()) as Float32Array
    const lossAt = async (distance: number) => {
      const moved = tensor(
        start.map((x, i) => x + (distance * gradient[i]!) / norm),
        params[name]!.shape,
      )
      const [loss] = await take(noGrad(() => scope(() => lossOf(family.bind(config, { ...params, [name]: moved }), few))))
      moved.dispose()
      return loss
    }
    const slope = ((await lossAt(2e-3))! - (await lossAt(-2e-3))!) / 4e-3
    expectNear(
      `gradient of ${name} over the slope of the loss along it`,
      [norm],
      [slope],
      2e-2,
      'an operator used here has a wrong gradient',
    )
  }
  dispose(...Object.values(params))
}

/** A weighted sum of all features. */
function lossOf(encoder: VisionEncoder, images: Patches[]) {
  const features = encoder.encode(images)
  const weighting = Float32Array.from({ length: features.size }, (_, i) => Math.sin(i * 12.9898 + 9) * 1.5)
  return sum(multiply(features, tensor(weighting, features.shape)))
}

async function gradientsOn<C>(
  device: DeviceName,
  family: VisionEncoderFamily<C>,
  config: C,
  images: Patches[],
): Promise<Map<string, Float32Array>> {
  await init({ device })
  const params = randomParams(family.tensors(config))
  const { value, gradients } = valueAndGradients(() => lossOf(family.bind(config, params), images), Object.values(params))
  const values = await Promise.all(gradients.map(take))
  dispose(value, ...Object.values(params))
  return new Map(Object.keys(params).map((name, i) => [name, values[i]!]))
}
