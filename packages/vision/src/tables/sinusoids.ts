/**
 * Fixed 2-D sinusoidal positions (Vaswani et al. 2017, section 3.5, half of the width for rows and half for columns).
 *
 * Rotary positions encode how far apart two cells are, not where they are; reading text in order needs absolute positions.
 */
import { cellsOf, type Grid } from './grid.ts'

/** Longest wavelength in cells: longer than any image for a small encoder. */
const longestWavelength = 1000

/** [cells, width] in row-major order. The width is a multiple of 4. */
export function sinusoids(grid: Grid, width: number): Float32Array {
  const table = new Float32Array(cellsOf(grid) * width)
  const pairs = width / 4
  for (let cell = 0; cell < cellsOf(grid); cell++) {
    const places = [Math.floor(cell / grid.columns), cell % grid.columns]
    places.forEach((place, axis) => {
      for (let pair = 0; pair < pairs; pair++) {
        const angle = place / longestWavelength ** (pair / pairs)
        const at = cell * width + axis * 2 * pairs + 2 * pair
        table[at] = Math.sin(angle)
        table[at + 1] = Math.cos(angle)
      }
    })
  }
  return table
}
