/** Small images with odd grids, for encoders of any family. */
import type { Patches, VisionEncoder, VisionEncoderFamily } from '@casa-js/core'

/** Values without structure, the same for the same size and seed. */
function noise(length: number, seed: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898 + seed * 78.233) * 1.5)
}

const isOdd = (n: number) => n % 2 === 1

/**
 * Three images as the family's processor cuts them, with noise for values: one whose grid of tokens is odd both ways where the
 * family makes such grids (windows do not divide there), a strip, and the smallest.
 */
export function samplePatches<C>(family: VisionEncoderFamily<C>, config: C, encoder: VisionEncoder): Patches[] {
  const cut = (widthPx: number, heightPx: number, seed: number): Patches => {
    const patches = family.process({ widthPx, heightPx, data: new Uint8Array(widthPx * heightPx * 3).fill(100) }, config)
    return { ...patches, values: noise(patches.values.length, seed) }
  }
  const at = (side: number) => [cut(5 * side, 3 * side, 1), cut(4 * side, side, 2), cut(side, side, 3)]
  const isWanted = ({ grid }: Patches) => {
    const { rows, columns } = encoder.outputGrid(grid)
    return isOdd(rows) && isOdd(columns) && rows > 1 && columns > 1 && rows !== columns
  }
  const sides = [2, 4, 8, 16, 32, 64]
  return at(sides.find((side) => isWanted(at(side)[0]!)) ?? sides[0]!)
}
