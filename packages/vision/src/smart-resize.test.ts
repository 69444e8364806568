import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ImageError } from './errors.ts'
import { fixture } from './fixtures/read-golden.ts'
import { smartResize } from './smart-resize.ts'

type Row = [heightPx: number, widthPx: number, minPixels: number, maxPixels: number, answer: [number, number] | 'error']
const rows: Row[] = JSON.parse(readFileSync(fixture('images/sizes.json'), 'utf8'))

test('every size and every refusal is the original one', () => {
  expect(rows).toHaveLength(300)
  for (const [heightPx, widthPx, minPixels, maxPixels, answer] of rows) {
    const ours = () => smartResize({ heightPx, widthPx }, 28, minPixels, maxPixels)
    if (answer === 'error') expect(ours).toThrow(ImageError)
    else expect(ours()).toEqual({ heightPx: answer[0], widthPx: answer[1] })
  }
})

test('halves round to the even side, as in Python', () => {
  expect(smartResize({ heightPx: 42, widthPx: 70 }, 28, 1, 1e6)).toEqual({ heightPx: 56, widthPx: 56 })
})

test('sides are multiples, and areas keep their bounds', () => {
  const side = fc.integer({ min: 28, max: 4000 })
  fc.assert(
    fc.property(side, side, (heightPx, widthPx) => {
      const out = smartResize({ heightPx, widthPx }, 28, 28 * 28 * 4, 28 * 28 * 1024)
      expect([out.heightPx % 28, out.widthPx % 28]).toEqual([0, 0])
      expect(out.heightPx * out.widthPx).toBeGreaterThanOrEqual(28 * 28 * 4)
      expect(out.heightPx * out.widthPx).toBeLessThanOrEqual(28 * 28 * 1024)
    }),
  )
})

test('refuses sides that are not there', () => {
  expect(() => smartResize({ heightPx: 0, widthPx: 0 }, 28, 1, 1e6)).toThrow('both sides must be at least 1')
  expect(() => smartResize({ heightPx: 1, widthPx: 20_000 }, 28, 1, 1e6)).toThrow('aspect ratio of 20000.0')
})
