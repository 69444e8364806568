/** Laws of a backbone, each a function that fails with the likely cause. All take a bound backbone and leave no tensor behind. */
import { type Backbone, type Fuse, type KvCache, type Step } from '@casa-js/core'
import { runLayers } from '@casa-js/sequence'
import { add, attention, scope } from '@casa-js/tensor'
import { expect } from 'vitest'
import { expectNear, take } from './compare.ts'
import { randomIds } from './random-params.ts'

interface Pass {
  ids: Int32Array
  cu?: Int32Array
  cache?: KvCache
  fuse?: Fuse
}

/** Logits of every token, [T * V]. With a cache, positions continue from its length. */
export async function logitsOf(
  backbone: Backbone,
  { ids, cu = Int32Array.of(0, ids.length), cache, fuse }: Pass,
): Promise<Float32Array> {
  const start = cache?.length ?? 0
  const positions = new Int32Array(ids.length)
  for (let s = 0; s + 1 < cu.length; s++) for (let t = cu[s]!; t < cu[s + 1]!; t++) positions[t] = start + t - cu[s]!
  const logits = scope(() => {
    const step: Step = { tokens: ids.length, cu, rotary: backbone.rotary(positions), ...(cache && { cache }) }
    return backbone.logits(backbone.finalNorm(runLayers(backbone, backbone.embed(ids), step, { ...(fuse && { fuse }) })))
  })
  return take(logits)
}

/** Decoding with a cache, split anywhere, gives the logits of one pass. */
export async function cachedEqualsFull(backbone: Backbone, tolerance: number): Promise<void> {
  const ids = randomIds(9, backbone.vocabSize)
  const full = await logitsOf(backbone, { ids })
  for (const splits of [[1, 2, 3, 4, 5, 6, 7, 8], [5], [3, 4], [8]]) {
    const cache = backbone.createCache(ids.length)
    const rows: number[] = []
    for (const [i, end] of [...splits, ids.length].entries()) {
      rows.push(...(await logitsOf(backbone, { ids: ids.subarray(i === 0 ? 0 : splits[i - 1], end), cache })))
    }
    cache.dispose()
    expectNear(
      `cached decoding split at ${splits}`,
      rows,
      full,
      tolerance,
      'keys are cached before they are rotated, or positions ignore the cache length',
    )
  }
}

/** A changed token changes no logits before it. */
export async function isCausal(backbone: Backbone, tolerance: number): Promise<void> {
  const ids = randomIds(7, backbone.vocabSize)
  const before = await logitsOf(backbone, { ids })
  const changed = ids.slice()
  changed[6] = (changed[6]! + 1) % backbone.vocabSize
  const after = await logitsOf(backbone, { ids: changed })
  const seen = 6 * backbone.vocabSize
  expectNear(
    'logits before a changed token',
    after.subarray(0, seen),
    before.subarray(0, seen),
    tolerance,
    'attention is not causal',
  )
  expect(after.subarray(seen), 'logits of the changed token').not.toEqual(before.subarray(seen))
}

/** Packed samples give the same logits as each sample alone. */
export async function packingEqualsSeparate(backbone: Backbone, tolerance: number): Promise<void> {
  const samples = [4, 1, 6].map((length, i) => randomIds(length, backbone.vocabSize, i + 1))
  const packed = await logitsOf(backbone, {
    ids: Int32Array.from(samples.flatMap((ids) => [...ids])),
    cu: Int32Array.of(0, 4, 5, 11),
  })
  const separate: number[] = []
  for (const ids of samples) separate.push(...(await logitsOf(backbone, { ids })))
  expectNear('packed samples', packed, separate, tolerance, 'attention crosses sample boundaries, or the layer ignores step.cu')
}

/** The default fusion written out, and attention made of the parts of a site, give the logits of the plain block. */
export async function hooksAreIdentities(backbone: Backbone, tolerance: number): Promise<void> {
  const ids = randomIds(6, backbone.vocabSize)
  const cu = Int32Array.of(0, 6)
  const plain = await logitsOf(backbone, { ids })
  const whole = await logitsOf(backbone, { ids, fuse: (x, site) => add(x, site.attend(site.norm(x))) })
  expectNear(
    'the default fusion written out',
    whole,
    plain,
    tolerance,
    'layer() does something around the attention half that a fusion cannot see',
  )

  const byParts: Fuse = (x, site) => {
    const normed = site.norm(x)
    const { q, v } = site.project(normed)
    const { k } = site.projectKeys(normed)
    const rotary = backbone.rotary(Int32Array.from(ids.keys()))
    const seen = { cuQ: cu, cuK: cu, causal: true, window: site.window }
    return add(x, site.output(attention(site.rotate(q, rotary), site.rotate(k, rotary), v, seen)))
  }
  expectNear(
    "attend() made of the site's parts",
    await logitsOf(backbone, { ids, fuse: byParts }),
    plain,
    tolerance,
    'project, rotate or output differ from what attend does',
  )

  const without = await logitsOf(backbone, { ids, fuse: (x) => x })
  expect(without, 'logits without attention').not.toEqual(plain)
}
