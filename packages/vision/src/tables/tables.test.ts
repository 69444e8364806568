import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { boundariesOf, cachedByGrid, packIndices, type Grid } from './grid.ts'
import { convolutionTaps, halved } from './im2col.ts'
import { cellOrder } from './order.ts'
import { sinusoids } from './sinusoids.ts'

const count = fc.integer({ min: 1, max: 9 })
const range = (n: number) => Array.from({ length: n }, (_, i) => i)
const sorted = (list: Int32Array) => [...list].sort((a, b) => a - b)

describe('the order of cells', () => {
  const arbitrary = fc.record({
    units: fc.record({ rows: count, columns: count }),
    merge: fc.integer({ min: 1, max: 3 }),
    side: fc.integer({ min: 0, max: 5 }),
  })
  const grid = (units: Grid, merge: number) => ({ rows: units.rows * merge, columns: units.columns * merge })

  test('every cell once, under all its names', () => {
    fc.assert(
      fc.property(arbitrary, ({ units, merge, side }) => {
        const { rows, columns } = grid(units, merge)
        const order = cellOrder({ rows, columns }, merge, side)
        expect(sorted(order.inRows)).toEqual(range(rows * columns))
        expect(sorted(order.inUnits)).toEqual(range(rows * columns))
        expect(sorted(order.restore)).toEqual(range(units.rows * units.columns))
        order.inRows.forEach((cell, i) => expect(cell).toBe(order.rows[i]! * columns + order.columns[i]!))
      }),
    )
  })

  test('restore puts merged units back in reading order', () => {
    fc.assert(
      fc.property(arbitrary, ({ units, merge, side }) => {
        const { rows, columns, restore } = cellOrder(grid(units, merge), merge, side)
        restore.forEach((at, unit) => {
          expect([rows[at * merge * merge]! / merge, columns[at * merge * merge]! / merge]).toEqual([
            Math.floor(unit / units.columns),
            unit % units.columns,
          ])
        })
      }),
    )
  })

  test('a window is a rectangle that is as large as the edge allows', () => {
    fc.assert(
      fc.property(arbitrary, ({ units, merge, side }) => {
        const { windows, rows, columns } = cellOrder(grid(units, merge), merge, side)
        const boundaries = boundariesOf(windows)
        expect(boundaries[boundaries.length - 1]).toBe(rows.length)
        const [down, across] = side === 0 ? [1, 1] : [Math.ceil(units.rows / side), Math.ceil(units.columns / side)]
        expect(windows).toHaveLength(down * across)
        windows.forEach((length, window) => {
          const inside = (list: Int32Array) => list.subarray(boundaries[window], boundaries[window + 1])
          const extent = (list: Int32Array) => Math.max(...inside(list)) - Math.min(...inside(list)) + 1
          expect(extent(rows) * extent(columns)).toBe(length)
          if (side > 0) {
            const index = (list: Int32Array) => new Set(Array.from(inside(list), (at) => Math.floor(at / (side * merge))))
            expect([index(rows).size, index(columns).size]).toEqual([1, 1])
          }
        })
      }),
    )
  })

  test('the picture in the header', () => {
    const order = cellOrder({ rows: 2, columns: 5 }, 1, 2)
    expect([...order.inRows]).toEqual([0, 1, 5, 6, 2, 3, 7, 8, 4, 9])
    expect(order.windows).toEqual([4, 4, 2])
  })

  test('refuses a grid that does not divide', () => {
    expect(() => cellOrder({ rows: 3, columns: 4 }, 2, 2)).toThrow('a grid of 3 x 4 does not divide into units of 2 x 2')
  })
})

test('the taps of a convolution lie around twice the output cell, and only the border falls outside', () => {
  fc.assert(
    fc.property(count, count, (rows, columns) => {
      const grid = { rows, columns }
      const taps = convolutionTaps(grid)
      const out = halved(grid)
      expect(taps).toHaveLength(out.rows * out.columns * 9)
      taps.forEach((cell, i) => {
        const [tap, at] = [i % 9, Math.floor(i / 9)]
        const row = 2 * Math.floor(at / out.columns) + Math.floor(tap / 3) - 1
        const column = 2 * (at % out.columns) + (tap % 3) - 1
        const inside = row >= 0 && row < rows && column >= 0 && column < columns
        expect(cell).toBe(inside ? row * columns + column : -1)
      })
      expect(new Set(taps.filter((cell) => cell >= 0)).size).toBe(rows * columns)
    }),
  )
})

test("the product of two cells' sinusoids depends on how far apart they are, and is largest at home", () => {
  fc.assert(
    fc.property(count, count, fc.integer({ min: 1, max: 8 }), (rows, columns, quarter) => {
      const width = 4 * quarter
      const table = sinusoids({ rows, columns }, width)
      expect(table).toHaveLength(rows * columns * width)
      const cell = (r: number, c: number) => table.subarray((r * columns + c) * width, (r * columns + c + 1) * width)
      const product = (a: Float32Array, b: Float32Array) => a.reduce((total, value, i) => total + value * b[i]!, 0)
      const [r, c] = [rows - 1, columns - 1]
      expect(product(cell(r, c), cell(r, c))).toBeCloseTo(width / 2, 4)
      if (r > 0 && c > 0) expect(product(cell(r, c), cell(r - 1, c - 1))).toBeCloseTo(product(cell(1, 1), cell(0, 0)), 4)
      if (r > 0) expect(product(cell(r, c), cell(0, c))).toBeLessThan(width / 2 - 1e-3)
    }),
  )
})

test('packed indices point into their own image', () => {
  expect([...packIndices([Int32Array.of(0, -1, 2), Int32Array.of(1, -1)], [3, 2])]).toEqual([0, -1, 2, 4, -1])
  expect([...packIndices([], [])]).toEqual([])
})

test('tables are computed once per grid, and the oldest are dropped', () => {
  let computed = 0
  const area = cachedByGrid(({ rows, columns }) => (computed++, rows * columns))
  expect([area({ rows: 2, columns: 3 }), area({ rows: 2, columns: 3 }), area({ rows: 3, columns: 2 })]).toEqual([6, 6, 6])
  expect(computed).toBe(2)
  for (let rows = 1; rows <= 300; rows++) area({ rows, columns: 50 })
  area({ rows: 300, columns: 50 })
  expect(computed).toBe(302)
  area({ rows: 2, columns: 3 })
  expect(computed).toBe(303)
})
