/** Laws of a fusion over a bound backbone, each a function that fails with the likely cause. They leave no tensor behind. */
import { type Backbone, type FusionFamily, type Layout, type Params } from '@casa-js/core'
import { runPass } from '@casa-js/sequence'
import { crossEntropy, dispose, noGrad, scope, tensor, valueAndGradients, withoutLeaks, type Tensor } from '@casa-js/tensor'
import { expect } from 'vitest'
import { logitsOf } from './backbone-laws.ts'
import { expectNear, take } from './compare.ts'
import type { DeviceTolerances } from './devices.ts'
import { randomIds } from './random-params.ts'

export interface BoundFusion {
  family: FusionFamily
  config: unknown
  params: Params
  backbone: Backbone
}

export interface Sample {
  ids: Int32Array
  images: { before: number; from?: number; grid: { rows: number; columns: number } }[]
}

/**
 * Text before the first image, two images in a row, one later image with a marker token before it; a sample without images; one that starts
 * with its image.
 */
export function samplesFor({ vocabSize }: Backbone): [Sample, Sample, Sample] {
  const grid = (rows: number, columns: number) => ({ rows, columns })
  return [
    {
      ids: randomIds(7, vocabSize, 1),
      images: [
        { before: 2, grid: grid(1, 3) },
        { before: 2, grid: grid(2, 1) },
        { before: 5, from: 4, grid: grid(2, 2) },
      ],
    },
    { ids: randomIds(3, vocabSize, 2), images: [] },
    { ids: randomIds(4, vocabSize, 3), images: [{ before: 0, grid: grid(1, 2) }] },
  ]
}

const tokensOf = ({ rows, columns }: Sample['images'][number]['grid']) => rows * columns

export function layoutOf(samples: Sample[]): { ids: Int32Array; layout: Layout; imageTokens: number } {
  const cu = new Int32Array(samples.length + 1)
  samples.forEach(({ ids }, s) => (cu[s + 1] = cu[s]! + ids.length))
  const images = samples.flatMap(({ images: list }, sample) =>
    list.map(({ before, from = before, grid }) => ({
      sample,
      before: cu[sample]! + before,
      from: cu[sample]! + from,
      tokens: tokensOf(grid),
      grid,
    })),
  )
  return {
    ids: Int32Array.from(samples.flatMap(({ ids }) => [...ids])),
    layout: { tokens: cu[samples.length]!, cu, images },
    imageTokens: images.reduce((sum, { tokens }) => sum + tokens, 0),
  }
}

/** Image tokens [tokens * D], different for every seed. */
export const pixels = (tokens: number, D: number, seed: number) =>
  Float32Array.from({ length: tokens * D }, (_, i) => Math.cos(i * 12.9898 + seed))

/** One pass over packed samples -> logits [T, V]; allocates, run it in a scope. */
function forward({ family, config, params, backbone }: BoundFusion, samples: Sample[], images: Tensor | undefined): Tensor {
  const { ids, layout } = layoutOf(samples)
  return backbone.logits(runPass(backbone, ids, family.bind(config, params, backbone).pass(layout, images)))
}

/** Logits of all text tokens of packed samples, [T * V]. */
export function logits(fusion: BoundFusion, samples: Sample[], values?: Float32Array): Promise<Float32Array> {
  const D = fusion.backbone.width
  return take(
    scope(() => forward(fusion, samples, values && values.length > 0 ? tensor(values, [values.length / D, D]) : undefined)),
  )
}

export async function withoutImages(fusion: BoundFusion, expected: 'the backbone' | 'its own', tolerance: number): Promise<void> {
  const [, sample] = samplesFor(fusion.backbone)
  const found = await logits(fusion, [sample])
  const plain = await logitsOf(fusion.backbone, { ids: sample.ids })
  if (expected === 'the backbone')
    return expectNear('logits without images', found, plain, tolerance, 'a layer adds something where there is nothing to see')
  expect(found.every(Number.isFinite), 'logits without images are finite').toBe(true)
  expect(found, 'logits without images, which are said to differ from the backbone').not.toEqual(plain)
}

export async function imagesMatter(fusion: BoundFusion, tolerance: number): Promise<void> {
  const { vocabSize: V, width: D } = fusion.backbone
  const samples = samplesFor(fusion.backbone).slice(0, 1)
  const { imageTokens } = layoutOf(samples)
  const values = pixels(imageTokens, D, 1)
  const before = await logits(fusion, samples, values)
  // The last image, before token 5.
  const changed = Float32Array.from(values, (x, i) => (i < (imageTokens - 4) * D ? x : -x))
  const after = await logits(fusion, samples, changed)
  // Token 4 is its marker: a fusion may let it see the image.
  expectNear(
    'logits before a changed image',
    after.subarray(0, 4 * V),
    before.subarray(0, 4 * V),
    tolerance,
    'text sees an image that comes after it',
  )
  for (const t of [5, 6]) {
    expect(after.subarray(t * V, (t + 1) * V), `logits of token ${t}, after a changed image`).not.toEqual(
      before.subarray(t * V, (t + 1) * V),
    )
  }
}

export async function cuttingChangesNothing(fusion: BoundFusion, tolerance: number): Promise<void> {
  const D = fusion.backbone.width
  const samples = samplesFor(fusion.backbone)
  const parts = samples.map((sample, s) => pixels(layoutOf([sample]).imageTokens, D, s))
  const together = await logits(fusion, samples, Float32Array.from(parts.flatMap((part) => [...part])))
  const apart: number[] = []
  for (const [s, sample] of samples.entries()) apart.push(...(await logits(fusion, [sample], parts[s])))
  expectNear('packed samples', together, apart, tolerance, 'a window, a mask or a position crosses samples')
}

export async function laterTextIsUnseen(fusion: BoundFusion, tolerance: number): Promise<void> {
  const { vocabSize: V, width: D } = fusion.backbone
  const samples = samplesFor(fusion.backbone)
  const values = pixels(layoutOf(samples).imageTokens, D, 1)
  const before = await logits(fusion, samples, values)
  // Token 4 of the first sample, the marker of its second window.
  const ids = samples[0]!.ids.slice()
  ids[4] = (ids[4]! + 1) % V
  const after = await logits(fusion, [{ ...samples[0]!, ids }, ...samples.slice(1)], values)
  const same = (begin: number, end: number) =>
    expectNear(
      `logits of tokens ${begin} to ${end - 1} after token 4 changed`,
      after.subarray(begin * V, end * V),
      before.subarray(begin * V, end * V),
      tolerance,
      'text sees later text, or that of another sample',
    )
  same(0, 4)
  same(7, 14)
  expect(after.subarray(4 * V, 5 * V), 'logits of the changed token').not.toEqual(before.subarray(4 * V, 5 * V))
}

/** Next-token loss of all samples, a scalar. */
function lossOf(fusion: BoundFusion, samples: Sample[], images: Tensor): Tensor {
  const { ids } = layoutOf(samples)
  const weights = Float32Array.from(
    samples.flatMap((sample) => Array.from(sample.ids, (_, t) => (t + 1 < sample.ids.length ? 1 : 0))),
  )
  return crossEntropy(
    forward(fusion, samples, images),
    Int32Array.from(ids, (_, t) => ids[t + 1] ?? 0),
    weights,
  )
}

/** No gradient is zero; on cpu they equal the loss's slope along a direction through all weights and images. */
export async function gradientsReach(fusion: BoundFusion, { device }: DeviceTolerances): Promise<void> {
  const samples = samplesFor(fusion.backbone)
  const { imageTokens } = layoutOf(samples)
  const D = fusion.backbone.width
  const start: Record<string, { values: Float32Array; shape: number[] }> = {
    images: { values: pixels(imageTokens, D, 1), shape: [imageTokens, D] },
  }
  for (const [name, weight] of Object.entries(fusion.params))
    start[name] = { values: (await weight.data()).slice() as Float32Array, shape: weight.shape }

  /** The loss where every tensor has moved along its direction. */
  const at = (directions: Map<string, Float32Array>, distance: number) => {
    const moved = Object.entries(start).map(
      ([name, { values, shape }]) =>
        [
          name,
          tensor(
            values.map((x, i) => x + distance * (directions.get(name)?.[i] ?? 0)),
            shape,
          ),
        ] as const,
    )
    const { images, ...params } = Object.fromEntries(moved)
    return { tensors: moved, loss: () => lossOf({ ...fusion, params }, samples, images!) }
  }

  const { tensors, loss } = at(new Map(), 0)
  const { value, gradients } = valueAndGradients(
    loss,
    tensors.map(([, t]) => t),
  )
  dispose(value, ...tensors.map(([, t]) => t))
  const found = new Map<string, Float32Array>()
  for (const [i, [name]] of tensors.entries()) found.set(name, await take(gradients[i]!))
  for (const [name, gradient] of found) {
    expect(gradient.every(Number.isFinite), `gradient of ${name} is finite`).toBe(true)
    expect(
      gradient.some((x) => x !== 0),
      `gradient of ${name} is not all zero: is it used, and differentiably?`,
    ).toBe(true)
  }
  for (let row = 0; row < imageTokens; row++) {
    const reached = found
      .get('images')!
      .subarray(row * D, (row + 1) * D)
      .some((x) => x !== 0)
    expect(reached, `the gradient reaches image token ${row}`).toBe(true)
  }
  if (device !== 'cpu') return
  const length = Math.sqrt([...found.values()].reduce((sum, gradient) => sum + gradient.reduce((s, x) => s + x * x, 0), 0))
  const lossAt = async (distance: number) => {
    const there = at(found, distance / length)
    const [result] = await take(noGrad(() => scope(there.loss)))
    dispose(...there.tensors.map(([, t]) => t))
    return result
  }
  const step = 2e-3
  const slope = ((await lossAt(step))! - (await lossAt(-step))!) / (2 * step)
  expectNear(
    'slope of the loss along its gradient',
    [length],
    [slope],
    2e-2,
    'an operator used here has a wrong gradient, or a weight is used outside the tape',
  )
}

export async function leavesNothingBehind(fusion: BoundFusion): Promise<void> {
  const samples = samplesFor(fusion.backbone)
  const values = pixels(layoutOf(samples).imageTokens, fusion.backbone.width, 1)
  await withoutLeaks('three passes', async () => {
    for (let pass = 0; pass < 3; pass++) await logits(fusion, samples, values)
  })
}
