import fc from 'fast-check'
import { expect, it } from 'vitest'
import { cutProduct, rangeOf, type Axis, type Lines } from './webgpu-cuts.ts'

const extent = fc.integer({ min: 1, max: 150 })
const axes: Axis[] = ['rows', 'columns', 'depth']
const tensor = { dataId: {}, shape: [], dtype: 'float32' as const }

/** Random products: three matrices, one of them with two values per word. */
function matrices(
  [rows, columns, depth]: readonly [number, number, number],
  transposeA: boolean,
  transposeB: boolean,
  most: number,
): Lines[] {
  return [
    transposeA ? { line: 'depth', across: 'rows', stride: rows, most } : { line: 'rows', across: 'depth', stride: depth, most },
    transposeB
      ? { line: 'columns', across: 'depth', stride: depth, most: 2 * most }
      : { line: 'depth', across: 'columns', stride: columns, most: 2 * most },
    { line: 'rows', across: 'columns', stride: columns, most },
  ]
}

it('the parts of a product cover all of it exactly once, and no range exceeds a binding', () => {
  fc.assert(
    fc.property(
      fc.tuple(extent, extent, extent),
      fc.boolean(),
      fc.boolean(),
      fc.integer({ min: 192, max: 4096 }),
      (sizes, transposeA, transposeB, most) => {
        const [rows, columns, depth] = sizes
        const lines = matrices(sizes, transposeA, transposeB, most)
        const parts = cutProduct({ rows, columns, depth }, lines)
        expect(parts.reduce((sum, part) => sum + part.rows.count * part.columns.count * part.depth.count, 0)).toBe(
          rows * columns * depth,
        )
        // All combinations of the pieces of each axis, and the pieces of an axis follow one another.
        for (const axis of axes) {
          const begins = [...new Map(parts.map((part) => [part[axis].begin, part[axis].count])).entries()]
          expect(begins.reduce((next, [begin, count]) => (begin === next ? begin + count : NaN), 0)).toBe(
            { rows, columns, depth }[axis],
          )
        }
        const wrong = parts.find((part) =>
          lines.some((matrix, i) => {
            const perWord = i === 1 ? 2 : 1
            const { range, offset } = rangeOf(tensor, matrix, part, perWord)
            const first = part[matrix.line].begin * matrix.stride + part[matrix.across!].begin
            return range.begin % 64 !== 0 || range.length > matrix.most / perWord || range.begin * perWord + offset !== first
          }),
        )
        expect(wrong).toBeUndefined()
      },
    ),
  )
})

it('a sum over an empty axis is still one part', () => {
  const parts = cutProduct({ rows: 3, columns: 2, depth: 0 }, matrices([3, 2, 0], false, true, 1024))
  expect(parts).toEqual([{ rows: { begin: 0, count: 3 }, columns: { begin: 0, count: 2 }, depth: { begin: 0, count: 0 } }])
})
