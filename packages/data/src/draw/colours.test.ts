import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../random.ts'
import { contrast, inkOnPaper, luminance } from './colours.ts'

describe('colours', () => {
  it('knows the contrast of WCAG 2.2', () => {
    expect(contrast([0, 0, 0], [255, 255, 255])).toBeCloseTo(21, 10)
    expect(contrast([119, 119, 119], [255, 255, 255])).toBeCloseTo(4.478, 3)
    expect(luminance([255, 0, 0])).toBeCloseTo(0.2126, 10)
  })

  it('gives ink that can be read on its paper', () => {
    fc.assert(
      fc.property(fc.integer(), fc.double({ min: 1, max: 9, noNaN: true }), (seed, least) => {
        const { ink, paper } = inkOnPaper(createRandom(seed), least)
        expect(contrast(ink, paper)).toBeGreaterThanOrEqual(least)
      }),
    )
  })
})
