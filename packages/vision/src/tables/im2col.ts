/** A 3x3 convolution of stride 2 and padding 1 as a gather: which input cells each output cell reads. */
import { cachedByGrid, cellsOf, type Grid } from './grid.ts'

const kernelSide = 3

/** Number of cells that one output cell reads, in row-major order. */
export const tapsPerCell = kernelSide * kernelSide

/** The grid after one such convolution: sides halved, rounded up. */
export const halved = ({ rows, columns }: Grid): Grid => ({ rows: Math.ceil(rows / 2), columns: Math.ceil(columns / 2) })

/**
 * Indices of the cells under the kernel, [output cells * 9] in row-major order; -1 outside the image.
 * Output cell (r, c) reads rows 2r - 1 .. 2r + 1 and columns 2c - 1 .. 2c + 1.
 */
export const convolutionTaps = cachedByGrid((grid: Grid): Int32Array => {
  const { rows, columns } = grid
  const out = halved(grid)
  const taps = new Int32Array(cellsOf(out) * tapsPerCell)
  let at = 0
  for (let r = 0; r < out.rows; r++) {
    for (let c = 0; c < out.columns; c++) {
      for (let y = 2 * r - 1; y <= 2 * r + 1; y++) {
        for (let x = 2 * c - 1; x <= 2 * c + 1; x++) {
          taps[at++] = y < 0 || y >= rows || x < 0 || x >= columns ? -1 : y * columns + x
        }
      }
    }
  }
  return taps
})
