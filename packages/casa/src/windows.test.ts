import type { Layout } from '@casa-js/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { planInsertion } from './insertion.ts'
import { planWindows, windowSpans, type WindowRule } from './windows.ts'

/** A sample: a number is a run of text tokens, [n] an image of n tokens, [n, m] an image with m marker tokens before it. */
type Part = number | [number, number?]

function layoutOf(samples: Part[][]): Layout {
  const cu = [0]
  const images: Layout['images'] = []
  let tokens = 0
  samples.forEach((parts, sample) => {
    for (const part of parts) {
      if (typeof part === 'number') {
        tokens += part
        continue
      }
      const [count, marks = 0] = part
      images.push({ sample, before: tokens + marks, from: tokens, tokens: count })
      tokens += marks
    }
    cu.push(tokens)
  })
  return { tokens, cu: Int32Array.from(cu), images }
}

/** Literal reading of the rule, token by token: for each text token, the names of what it sees, in order. */
function seenByRule(samples: Part[][], rule: WindowRule): string[][] {
  const seen: string[][] = []
  let text = 0
  let image = 0
  for (const parts of samples) {
    let window: string[] = []
    const say = (count: number) => {
      for (let i = 0; i < count; i++) seen.push((window = [...window, `t${text++}`]))
    }
    const left = parts.filter((part) => part !== 0)
    for (let part = left.shift(); part !== undefined; part = left.shift()) {
      if (typeof part === 'number') {
        say(part)
        continue
      }
      const [first, marks = 0] = part
      let count = first
      // Consecutive images share a window.
      for (let next = left[0]; Array.isArray(next) && !next[1]; next = left[0]) count += (left.shift() as [number])[0]
      if (rule === 'at-image') say(marks)
      window = Array.from({ length: count }, () => `i${image++}`)
      if (rule === 'with-marks') say(marks)
    }
  }
  return seen
}

/** What a bottom-right-aligned causal mask over the plan lets each text token see. */
function seenByPlan(layout: Layout, rule: WindowRule): string[][] {
  const { cuText, cuKeys, order } = planWindows(layout, 1, rule)
  const imageTokens = layout.images.reduce((sum, { tokens }) => sum + tokens, 0)
  const name = (row: number) => (row < imageTokens ? `i${row}` : `t${row - imageTokens}`)
  const seen: string[][] = []
  for (let w = 0; w + 1 < cuText.length; w++) {
    const hidden = (t: number) => cuText[w + 1]! - 1 - t
    for (let t = cuText[w]!; t < cuText[w + 1]!; t++)
      seen.push([...order.subarray(cuKeys[w], cuKeys[w + 1]! - hidden(t))].map(name))
  }
  return seen
}

const parts = fc.array(
  fc.oneof(fc.integer({ min: 0, max: 4 }), fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 2 }))),
  { maxLength: 6 },
)
const rules = fc.constantFrom<WindowRule>('at-image', 'with-marks')
const packed = fc.array(parts, { minLength: 1, maxLength: 4 })

describe('windows', () => {
  it('show every text token exactly its window: its image, and the text since the window began', () => {
    fc.assert(
      fc.property(packed, rules, (samples, rule) => {
        expect(seenByPlan(layoutOf(samples), rule)).toEqual(seenByRule(samples, rule))
      }),
    )
  })

  it('begin at the image, or at the marker token before it, which then sees it', () => {
    // a | mark, image of one token | b
    const layout = layoutOf([[1, [1, 1], 1]])
    expect(seenByPlan(layout, 'at-image')).toEqual([['t0'], ['t0', 't1'], ['i0', 't2']])
    expect(seenByPlan(layout, 'with-marks')).toEqual([['t0'], ['i0', 't1'], ['i0', 't1', 't2']])
  })

  it('cover every text token and every image exactly once', () => {
    fc.assert(
      fc.property(packed, rules, (samples, rule) => {
        const layout = layoutOf(samples)
        const { order, cuText, cuImage, cuKeys } = planWindows(layout, 1, rule)
        const images = layout.images.reduce((sum, { tokens }) => sum + tokens, 0)
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: images + layout.tokens }, (_, i) => i))
        expect([cuText.at(-1), cuImage.at(-1), cuKeys.at(-1)]).toEqual([layout.tokens, images, images + layout.tokens])
      }),
    )
  })

  it("count positions from the window's first image token", () => {
    const { queryPositions, keyPositions } = planWindows(layoutOf([[2, [3], 2]]), 1)
    expect(queryPositions).toEqual(Int32Array.of(0, 1, 3, 4))
    expect(keyPositions).toEqual(Int32Array.of(0, 1, 0, 1, 2, 3, 4))
  })

  it('with three position rows, give an image one time index and its grid, and text the largest index + 1', () => {
    const layout: Layout = {
      tokens: 2,
      cu: Int32Array.of(0, 2),
      images: [{ sample: 0, before: 0, tokens: 6, grid: { rows: 2, columns: 3 } }],
    }
    const [time, height, width] = planWindows(layout, 3).keyPositions as Int32Array[] as [
      Int32Array<ArrayBufferLike>,
      Int32Array<ArrayBufferLike>,
      Int32Array<ArrayBufferLike>,
    ]
    expect([...time]).toEqual([0, 0, 0, 0, 0, 0, 3, 4])
    expect([...height]).toEqual([0, 0, 0, 1, 1, 1, 3, 4])
    expect([...width]).toEqual([0, 1, 2, 0, 1, 2, 3, 4])
  })

  it('join consecutive images and keep those of different samples apart', () => {
    expect(
      windowSpans(
        layoutOf([
          [[1], [1]],
          [[1], 2],
        ]),
      ),
    ).toEqual([
      { textBegin: 0, textEnd: 0, imageBegin: 0, imageEnd: 2 },
      { textBegin: 0, textEnd: 2, imageBegin: 2, imageEnd: 3 },
    ])
  })

  it('refuse inconsistent layouts', () => {
    const slot = (sample: number, before: number) => ({ sample, before, tokens: 1 })
    const layout = (images: Layout['images']): Layout => ({ tokens: 4, cu: Int32Array.of(0, 2, 4), images })
    expect(() => planWindows({ ...layout([]), tokens: 5 }, 1)).toThrow('boundaries')
    expect(() => planWindows(layout([slot(0, 3)]), 1)).toThrow('outside its sample')
    expect(() => planWindows(layout([slot(2, 4)]), 1)).toThrow('outside its sample')
    expect(() => planWindows(layout([slot(0, 2), slot(0, 1)]), 1)).toThrow('reading order')
    expect(() => planWindows(layout([{ ...slot(0, 1), from: 2 }]), 1)).toThrow('the marks of image 0')
    expect(() => planWindows(layout([slot(0, 1), { ...slot(0, 2), from: 0 }]), 1)).toThrow('the marks of image 1')
    expect(() => planWindows(layout([slot(0, 0)]), 3)).toThrow('grid')
  })
})

describe('token insertion', () => {
  it('puts every image at its place and keeps the text in order', () => {
    fc.assert(
      fc.property(packed, (samples) => {
        const layout = layoutOf(samples)
        const images = layout.images.reduce((sum, { tokens }) => sum + tokens, 0)
        const { order, textRows, cu, positions } = planInsertion(layout, 1)
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: images + layout.tokens }, (_, i) => i))
        expect([...textRows].map((row) => order[row])).toEqual(Array.from({ length: layout.tokens }, (_, t) => images + t))
        for (let s = 0; s + 1 < cu.length; s++) {
          expect([...(positions as Int32Array).subarray(cu[s], cu[s + 1])]).toEqual(
            Array.from({ length: cu[s + 1]! - cu[s]! }, (_, i) => i),
          )
        }
      }),
    )
  })

  it('follows Qwen2.5-VL: text, a 2 x 3 image, text from the largest index + 1', () => {
    const layout: Layout = {
      tokens: 3,
      cu: Int32Array.of(0, 3),
      images: [{ sample: 0, before: 2, tokens: 6, grid: { rows: 2, columns: 3 } }],
    }
    const { positions, nextPositions } = planInsertion(layout, 3)
    const [time, height, width] = positions as Int32Array[] as [
      Int32Array<ArrayBufferLike>,
      Int32Array<ArrayBufferLike>,
      Int32Array<ArrayBufferLike>,
    ]
    expect([...time]).toEqual([0, 1, 2, 2, 2, 2, 2, 2, 5])
    expect([...height]).toEqual([0, 1, 2, 2, 2, 3, 3, 3, 5])
    expect([...width]).toEqual([0, 1, 2, 3, 4, 2, 3, 4, 5])
    expect([...nextPositions]).toEqual([6])
  })
})
