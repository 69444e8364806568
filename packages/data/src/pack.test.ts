import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EncodedSample, RgbImage } from '@casa-js/core'
import { packSamples, type ImageModel } from './pack.ts'

/** One patch per pixel; 2x2 merge. */
export const pixelModel: ImageModel = {
  process: ({ widthPx, heightPx, data }) => ({
    values: Float32Array.from(data),
    grid: { rows: heightPx, columns: widthPx },
    valuesPerPatch: 3,
  }),
  vision: {
    tokens: ({ rows, columns }) => (rows / 2) * (columns / 2),
    outputGrid: ({ rows, columns }) => ({ rows: rows / 2, columns: columns / 2 }),
  },
}

const picture = (widthPx: number, heightPx: number, colour = 0): RgbImage => ({
  widthPx,
  heightPx,
  data: new Uint8Array(widthPx * heightPx * 3).fill(colour),
})

const sampleArbitrary: fc.Arbitrary<EncodedSample> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 999 }), fc.boolean()), { minLength: 1, maxLength: 12 })
  .chain((tokens) =>
    fc.array(fc.tuple(fc.nat(tokens.length), fc.integer({ min: 1, max: 3 }), fc.nat(255)), { maxLength: 3 }).map((images) => ({
      ids: Int32Array.from(tokens, ([id]) => id),
      answer: Uint8Array.from(tokens, ([, answer]) => Number(answer)),
      images: images
        .sort(([one], [other]) => one - other)
        .map(([before, size, colour]) => ({ before, image: picture(2 * size, 2, colour) })),
    })),
  )

describe('packSamples', () => {
  it('puts tokens, targets, weights and slots where a person would', () => {
    const one = {
      ids: Int32Array.of(1, 2, 3),
      answer: Uint8Array.of(0, 0, 1),
      images: [{ before: 3, from: 2, image: picture(4, 2) }],
    }
    const two = { ids: Int32Array.of(4, 5), answer: Uint8Array.of(1, 1), images: [{ before: 0, image: picture(2, 2) }] }
    const batch = packSamples([one, two], pixelModel)
    expect([...batch.ids]).toEqual([1, 2, 3, 4, 5])
    expect([...batch.targets]).toEqual([2, 3, 0, 5, 0])
    expect([...batch.weights]).toEqual([0, 1, 0, 1, 0])
    expect([...batch.layout.cu]).toEqual([0, 3, 5])
    // Both pictures stand before token 3, one closing the first sample and one opening the second.
    expect(batch.layout.images).toEqual([
      { sample: 0, before: 3, from: 2, tokens: 2, grid: { rows: 1, columns: 2 } },
      { sample: 1, before: 3, tokens: 1, grid: { rows: 1, columns: 1 } },
    ])
  })

  it('is its samples one after another: packing is concatenation with shifted boundaries', () => {
    fc.assert(
      fc.property(fc.array(sampleArbitrary, { minLength: 1, maxLength: 5 }), (samples) => {
        const packed = packSamples(samples, pixelModel)
        const alone = samples.map((sample) => packSamples([sample], pixelModel))
        expect([...packed.ids]).toEqual(alone.flatMap(({ ids }) => [...ids]))
        expect([...packed.targets]).toEqual(alone.flatMap(({ targets }) => [...targets]))
        expect([...packed.weights]).toEqual(alone.flatMap(({ weights }) => [...weights]))
        expect(packed.patches).toEqual(alone.flatMap(({ patches }) => patches))
        expect(packed.layout.tokens).toBe(packed.ids.length)
        const shifted = alone.flatMap(({ layout }, sample) =>
          layout.images.map((slot) => ({ ...slot, sample, before: slot.before + packed.layout.cu[sample]! })),
        )
        expect(packed.layout.images).toEqual(shifted)
      }),
    )
  })

  it('weighs a token exactly when the next one of its sample is an answer', () => {
    fc.assert(
      fc.property(sampleArbitrary, (sample) => {
        const { weights, targets } = packSamples([sample], pixelModel)
        sample.ids.forEach((_, t) => {
          expect(weights[t]).toBe(sample.answer[t + 1] ?? 0)
          expect(targets[t]).toBe(sample.ids[t + 1] ?? 0)
        })
      }),
    )
  })

  it('names the sample and the image that are wrong', () => {
    const good = { ids: Int32Array.of(1), answer: Uint8Array.of(0), images: [] }
    expect(() => packSamples([good, { ...good, ids: new Int32Array() }], pixelModel)).toThrow(/sample 1: it has no tokens/)
    expect(() => packSamples([{ ...good, answer: new Uint8Array(2) }], pixelModel)).toThrow(/sample 0: answer marks 2/)
    const late = { ...good, images: [{ before: 2, image: picture(2, 2) }] }
    expect(() => packSamples([late], pixelModel)).toThrow(/sample 0: image 0 stands before token 2; expected 0\.\.1/)
    const marked = { ...good, images: [{ before: 0, from: 1, image: picture(2, 2) }] }
    expect(() => packSamples([marked], pixelModel)).toThrow(/sample 0: the marks of image 0 begin at token 1; expected 0\.\.0/)
  })

  it('gives an empty batch for no samples', () => {
    const batch = packSamples([], pixelModel)
    expect(batch.layout).toEqual({ tokens: 0, cu: new Int32Array(1), images: [] })
  })
})
