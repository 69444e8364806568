/** Laws of a fusion's state: a sequence that grows piece by piece equals one pass over all of it. */
import { CasaError } from '@casa-js/base'
import {} from '@casa-js/core'
import { createSequence, type Sequence } from '@casa-js/sequence'
import { keep, memory, scope, slice, tensor, withoutLeaks, type Tensor } from '@casa-js/tensor'
import { expect } from 'vitest'
import { expectNear, take } from './compare.ts'
import { layoutOf, logits, pixels, samplesFor, type BoundFusion, type Sample } from './fusion-laws.ts'

const CAPACITY_TOKENS = 64

/** A sample, its image tokens as numbers, and an empty sequence. */
async function withSequence(
  fusion: BoundFusion,
  f: (given: { sample: Sample; values: Float32Array; images: Tensor; sequence: Sequence }) => Promise<void>,
): Promise<void> {
  const { family, config, params, backbone } = fusion
  const [sample] = samplesFor(backbone)
  const { imageTokens } = layoutOf([sample])
  const values = pixels(imageTokens, backbone.width, 1)
  await withoutLeaks('a sequence', async () => {
    const images = keep(tensor(values, [imageTokens, backbone.width]))
    const sequence = createSequence(backbone, family.bind(config, params, backbone), { capacityTokens: CAPACITY_TOKENS })
    try {
      await f({ sample, values, images, sequence })
    } finally {
      sequence.dispose()
      images.dispose()
    }
  })
}

/** Advance over text tokens [begin, end) of the sample and the images before them; logits [(end - begin) * V]. */
async function advance(sequence: Sequence, { ids, images: slots }: Sample, images: Tensor, begin: number, end: number) {
  const { layout } = layoutOf([{ ids, images: slots }])
  const mine = layout.images.filter(({ before }) => before >= begin && before < end)
  const first = layout.images.findIndex((slot) => slot === mine[0])
  const sum = (list: typeof mine) => list.reduce((total, { tokens }) => total + tokens, 0)
  const start = sum(layout.images.slice(0, Math.max(first, 0)))
  const out = scope(() => {
    const rows = mine.length > 0 ? slice(images, [start, 0], [sum(mine), images.shape[1]!]) : undefined
    const shifted = mine.map((slot) => ({ ...slot, before: slot.before - begin, from: (slot.from ?? slot.before) - begin }))
    const hidden = sequence.advance({ ids: ids.subarray(begin, end), slots: shifted, ...(rows && { images: rows }) })
    const result = keep(sequence.backbone.logits(hidden))
    hidden.dispose()
    return result
  })
  return [...(await take(out))]
}

const cause = 'keys are remembered before they are rotated, positions start again, or a new image does not replace what it should'

/** Cached decoding equals the full pass, however it is split: token by token, in pieces, in one. A marker is never split from its image. */
export async function cachedEqualsWhole(fusion: BoundFusion, tolerance: number): Promise<void> {
  await withSequence(fusion, async ({ sample, values, images }) => {
    const whole = await logits(fusion, [sample], values)
    for (const splits of [[1, 2, 3, 4, 6], [3, 4], [2], [4], [6], []]) {
      const { family, config, params, backbone } = fusion
      const sequence = createSequence(backbone, family.bind(config, params, backbone), { capacityTokens: CAPACITY_TOKENS })
      const rows: number[] = []
      for (const [i, end] of [...splits, sample.ids.length].entries())
        rows.push(...(await advance(sequence, sample, images, splits[i - 1] ?? 0, end)))
      sequence.dispose()
      expectNear(`a sequence cut at ${splits.join(', ') || 'no token'}`, rows, whole, tolerance, cause)
    }
  })
}

/** A pass, or a transaction of several, that fails or is refused changes nothing. */
export async function failureChangesNothing(fusion: BoundFusion, tolerance: number): Promise<void> {
  await withSequence(fusion, async ({ sample, values, images, sequence }) => {
    const whole = await logits(fusion, [sample], values)
    const rows = await advance(sequence, sample, images, 0, 3)
    const tokens = sequence.tokens
    const failing = async () => {
      await advance(sequence, sample, images, 3, 4)
      await advance(sequence, sample, images, 4, 7)
      throw new CasaError('on purpose')
    }
    await expect(sequence.transaction(failing)).rejects.toThrow('on purpose')
    await expect(advance(sequence, { ...sample, ids: sample.ids.map(() => -1) }, images, 3, 7)).rejects.toThrow(CasaError)
    await expect(
      advance(sequence, { ids: new Int32Array(CAPACITY_TOKENS + 1), images: [] }, images, 0, CAPACITY_TOKENS + 1),
    ).rejects.toThrow(CasaError)
    expect(sequence.tokens, 'tokens after what failed').toBe(tokens)
    rows.push(...(await advance(sequence, sample, images, 3, 7)))
    expectNear('a sequence that went on after failures', rows, whole, tolerance, 'a pass changes the state that it was given')
  })
}

/** Truncating the text drops every image, or is refused if images are stored in the cache. */
export async function truncates(fusion: BoundFusion, tolerance: number): Promise<void> {
  await withSequence(fusion, async ({ sample, images, sequence }) => {
    await advance(sequence, sample, images, 0, 2)
    await advance(sequence, sample, images, 2, 7)
    if (fusion.family.bind(fusion.config, fusion.params, fusion.backbone).imagesInCache) {
      expect(() => sequence.truncate(2)).toThrow(CasaError)
      return
    }
    sequence.truncate(0)
    const again = await advance(sequence, { ...sample, images: [] }, images, 0, 7)
    const plain = await logits(fusion, [{ ...sample, images: [] }])
    expectNear(
      'a sequence that was cut back to nothing',
      again,
      plain,
      tolerance,
      'an image is remembered after its text was cut',
    )
    expect(() => sequence.truncate(8)).toThrow(CasaError)
  })
}

/** A sequence continues from the saved state of another exactly as that one would have continued. */
export async function survivesRestart(fusion: BoundFusion, tolerance: number): Promise<void> {
  await withSequence(fusion, async ({ sample, values, images, sequence }) => {
    const whole = await logits(fusion, [sample], values)
    const { family, config, params, backbone } = fusion
    const later = createSequence(backbone, family.bind(config, params, backbone), { capacityTokens: CAPACITY_TOKENS })
    await advance(sequence, sample, images, 0, 3)
    // Something else first, which the restored state must replace.
    await advance(later, sample, images, 0, 2)
    const contents = await sequence.read()
    later.write(structuredClone(contents))
    const rows = await advance(later, sample, images, 3, 7)
    const [, first] = Object.entries(contents.tensors)[0] ?? []
    expect(() => later.write({ ...contents, values: { ...contents.values, stranger: 1 } })).toThrow(CasaError)
    expect(() => later.write({ ...contents, tokens: contents.tokens + 1 })).toThrow(CasaError)
    expect(first?.data, 'tensors of a saved sequence are numbers').toBeInstanceOf(Float32Array)
    later.dispose()
    const expected = whole.subarray(3 * backbone.vocabSize)
    expectNear(
      'a sequence that went on from another',
      rows,
      expected,
      tolerance,
      'a state holds more than its values and tensors',
    )
  })
}

/** Tensors and bytes stay constant as images come and go, unless images are stored in the cache by design; a state is plain numbers and tensors. */
export async function statesStayFlat(fusion: BoundFusion): Promise<void> {
  await withSequence(fusion, async ({ sample, images, sequence }) => {
    const tensors: number[] = []
    for (let round = 0; round < 4; round++) {
      await advance(sequence, sample, images, 0, 3)
      await advance(sequence, sample, images, 3, 7)
      tensors.push(memory().tensors)
      expect(Object.values(sequence.state.values).every(Number.isFinite), 'values of a state are finite numbers').toBe(true)
    }
    expect(new Set(tensors).size, `tensors after each round of images: ${tensors}`).toBe(1)
    const held = new Set(Object.values(sequence.state.tensors))
    sequence.dispose()
    expect(
      [...held].every((t) => t.isDisposed),
      "a state's tensors are freed with the sequence",
    ).toBe(true)
  })
}
