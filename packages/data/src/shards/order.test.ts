import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countExamples, partOf, shardOrder, startsOf, type Piece } from './order.ts'

/** Pieces that follow one another, some of them empty. */
const pieces = fc
  .array(fc.nat(9), { minLength: 1, maxLength: 12 })
  .filter((counts) => counts.some((count) => count > 0))
  .map((counts): Piece[] => counts.map((count, i) => ({ start: startsOf(counts.map((one) => ({ count: one })))[i]!, count })))
const seeds = fc.record({ seed: fc.nat(), epoch: fc.nat(5), buffer: fc.integer({ min: 1, max: 30 }) })

const epochOf = (list: readonly Piece[], options: { seed: number; epoch: number; buffer: number }): number[] =>
  Array.from({ length: countExamples(list) }, (_, position) => position).map(shardOrder(list, options))

const indexesOf = (list: readonly Piece[]): number[] =>
  list.flatMap(({ start, count }) => Array.from({ length: count }, (_, i) => start + i))

describe('the order of sharded data', () => {
  it('visits every example once an epoch', () => {
    fc.assert(
      fc.property(pieces, seeds, (list, options) => {
        expect(epochOf(list, options).sort((a, b) => a - b)).toEqual(indexesOf(list))
      }),
    )
  })

  it('is the same from wherever it is taken up', () => {
    fc.assert(
      fc.property(pieces, seeds, fc.nat(), (list, options, somewhere) => {
        const from = somewhere % countExamples(list)
        const order = shardOrder(list, options)
        const rest = Array.from({ length: countExamples(list) - from }, (_, i) => order(from + i))
        expect(rest).toEqual(epochOf(list, options).slice(from))
      }),
    )
  })

  it('has few pieces in use: those of a buffer of examples, one after another', () => {
    fc.assert(
      fc.property(pieces, seeds, (list, options) => {
        const order = epochOf(list, options)
        const pieceOf = (index: number): number => list.findIndex(({ start, count }) => start <= index && index < start + count)
        for (let at = 0; at < order.length; at += options.buffer) {
          const window = order.slice(at, at + options.buffer)
          const touched = new Set(window.map(pieceOf))
          // All pieces of a window are used up in it, but the one it begins in and the one it ends in.
          const whole = [...touched].filter((piece) => indexesOf([list[piece]!]).every((index) => window.includes(index)))
          expect(touched.size - whole.length).toBeLessThanOrEqual(2)
        }
      }),
    )
  })

  it('mixes: with a buffer as large as the data, an example may come anywhere', () => {
    const list = [0, 10, 20, 30].map((start) => ({ start, count: 10 }))
    const firsts = new Set(Array.from({ length: 200 }, (_, seed) => epochOf(list, { seed, epoch: 0, buffer: 40 })[0]!))
    expect(firsts.size).toBeGreaterThan(35)
    const epochs = new Set([0, 1, 2].map((epoch) => epochOf(list, { seed: 1, epoch, buffer: 8 }).join()))
    expect(epochs.size).toBe(3)
  })

  it('is dealt to parts of equal size that share nothing and leave nothing out', () => {
    fc.assert(
      fc.property(pieces, fc.integer({ min: 1, max: 9 }), (list, parts) => {
        const dealt = Array.from({ length: parts }, (_, part) => indexesOf(partOf(list, part, parts)))
        expect(dealt.flat()).toEqual(indexesOf(list))
        const sizes = dealt.map(({ length }) => length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }),
    )
  })
})
