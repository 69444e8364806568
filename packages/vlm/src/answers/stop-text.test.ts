import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createStopText } from './stop-text.ts'

test('however a text comes in pieces, it ends before the first stop sequence', () => {
  const ab = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 })
  const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 }), { maxLength: 3 })
  fc.assert(
    fc.property(fc.array(ab, { maxLength: 8 }), stops, (pieces, list) => {
      const text = pieces.join('')
      const stopText = createStopText(list)
      let said = ''
      for (const piece of pieces) said += stopText.push(piece)
      said += stopText.end()
      // The first completed stop sequence ends the answer; if several complete at once, the one that begins first.
      let expected = text
      for (let end = 0, seen = ''; end < pieces.length; end++) {
        seen += pieces[end]!
        const places = list.map((stop) => seen.indexOf(stop)).filter((at) => at >= 0)
        if (places.length === 0) continue
        expected = text.slice(0, Math.min(...places))
        break
      }
      expect(said).toBe(expected)
      expect(stopText.found).toBe(expected !== text || list.some((stop) => text.includes(stop)))
    }),
  )
})

test('only what may be the beginning of a stop sequence is held back', () => {
  const stopText = createStopText(['END'])
  expect(['a', 'bE', 'x', 'EN'].map((text) => stopText.push(text))).toEqual(['a', 'b', 'Ex', ''])
  expect(stopText.push('D and more')).toBe('')
  expect(stopText.found).toBe(true)
  expect([stopText.push('more'), stopText.end()]).toEqual(['', ''])
})
