/** Grids of packed images, and a cache of their tables. Pure integer functions on the host. */
import type { Patches } from '@casa-js/core'

export type Grid = Patches['grid']

export const cellsOf = ({ rows, columns }: Grid): number => rows * columns

/** Number of grids cached per table. A training set in native sizes has hundreds; a table is a few kilobytes. */
const rememberedGrids = 256

/** Memoises a pure function of a grid for the most recent grids. The results are shared: do not write to them. */
export function cachedByGrid<T>(compute: (grid: Grid) => T): (grid: Grid) => T {
  const known = new Map<string, T>()
  return (grid) => {
    const key = `${grid.rows}x${grid.columns}`
    const found = known.get(key) ?? compute(grid)
    known.delete(key)
    known.set(key, found)
    if (known.size > rememberedGrids) known.delete(known.keys().next().value!)
    return found
  }
}

/**
 * Joins the index arrays of several images into one over their packed rows: each is shifted by the rows before it; -1 stays -1.
 * @param sourceRows rows that the indices of each image point into
 */
export function packIndices(indices: Int32Array[], sourceRows: number[]): Int32Array {
  const packed = joinIntegers(indices)
  let at = 0
  let shift = 0
  indices.forEach(({ length }, image) => {
    for (const end = at + length; at < end; at++) if (packed[at]! >= 0) packed[at]! += shift
    shift += sourceRows[image]!
  })
  return packed
}

/** Concatenates lists of integers. */
export function joinIntegers(lists: Int32Array[]): Int32Array {
  const joined = new Int32Array(lists.reduce((sum, list) => sum + list.length, 0))
  let at = 0
  for (const list of lists) {
    joined.set(list, at)
    at += list.length
  }
  return joined
}

/** Boundaries of packed segments from their lengths: 0, a, a + b, .. */
export function boundariesOf(lengths: Iterable<number>): Int32Array {
  const boundaries = [0]
  for (const length of lengths) boundaries.push(boundaries[boundaries.length - 1]! + length)
  return Int32Array.from(boundaries)
}
