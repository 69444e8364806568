/**
 * The order in which an encoder's blocks see the cells of a grid (Qwen2.5-VL, arXiv 2502.13923, section 2.1.1).
 *
 * Cells are grouped into units of mergeSize x mergeSize, whose cells stay together. Units are grouped into windows of windowUnits x
 * windowUnits; windows at the right and lower edges are smaller. A 2x5 grid of units with windows of 2x2 (digits are windows):
 *
 *   0 0 1 1 2        order: the four units of window 0, then those of window 1, then the two of window 2
 *   0 0 1 1 2        lengths of windows: 4 4 2 units
 */
import type { Grid } from './grid.ts'
import { ImageError } from '../errors.ts'

export interface CellOrder {
  /** [cells] row and column of each cell, in the order of the blocks. */
  rows: Int32Array
  columns: Int32Array
  /** [cells] index of each cell when units are in row-major order, as `patchify` writes them. */
  inUnits: Int32Array
  /** [cells] index of each cell in row-major order. */
  inRows: Int32Array
  /** Number of cells in each window. */
  windows: number[]
  /** [units] for each unit in row-major order, its index in the order of the blocks. */
  restore: Int32Array
}

/**
 * @param windowUnits side of a window in units; 0: one window for the whole grid
 * @throws ImageError when the grid cannot be divided into units.
 */
export function cellOrder(grid: Grid, mergeSize: number, windowUnits: number): CellOrder {
  if (grid.rows % mergeSize !== 0 || grid.columns % mergeSize !== 0) {
    throw new ImageError(`a grid of ${grid.rows} x ${grid.columns} does not divide into units of ${mergeSize} x ${mergeSize}`)
  }
  const units: Grid = { rows: grid.rows / mergeSize, columns: grid.columns / mergeSize }
  const side = windowUnits > 0 ? windowUnits : Math.max(units.rows, units.columns)
  const cellsPerUnit = mergeSize * mergeSize
  const cells = () => new Int32Array(grid.rows * grid.columns)
  const order: CellOrder = {
    rows: cells(),
    columns: cells(),
    inUnits: cells(),
    inRows: cells(),
    windows: [],
    restore: new Int32Array(units.rows * units.columns),
  }
  let at = 0
  const place = (unitRow: number, unitColumn: number) => {
    const unit = unitRow * units.columns + unitColumn
    order.restore[unit] = at / cellsPerUnit
    for (let cell = 0; cell < cellsPerUnit; cell++, at++) {
      order.rows[at] = unitRow * mergeSize + Math.floor(cell / mergeSize)
      order.columns[at] = unitColumn * mergeSize + (cell % mergeSize)
      order.inUnits[at] = unit * cellsPerUnit + cell
      order.inRows[at] = order.rows[at]! * grid.columns + order.columns[at]!
    }
  }
  for (let top = 0; top < units.rows; top += side) {
    for (let left = 0; left < units.columns; left += side) {
      const start = at
      for (let r = top; r < Math.min(top + side, units.rows); r++) {
        for (let c = left; c < Math.min(left + side, units.columns); c++) place(r, c)
      }
      order.windows.push(at - start)
    }
  }
  return order
}
