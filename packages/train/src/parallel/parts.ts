/**
 * The trained weights as one vector, in their order, cut into one range per rank: a rank keeps the moments of its range and updates its
 * range (ZeRO stage 1, arXiv 1910.02054).
 *
 *     weights   [  a  |     b      |  c  |   d   ]
 *     ranks     [    0     |    1    |    2      ]      rank 1 has the end of b and all of c
 */

/** Values [begin, end) of one weight. */
export interface Part {
  /** Index of the weight. */
  weight: number
  begin: number
  end: number
}

/** Range of the vector. */
export interface Range {
  begin: number
  end: number
}

/** What falls to one rank: as even as integers allow. */
export function rangeOf(total: number, rank: number, ranks: number): Range {
  return { begin: Math.floor((total * rank) / ranks), end: Math.floor((total * (rank + 1)) / ranks) }
}

/** Where each weight begins in the vector; the last entry is its length. */
export function offsetsOf(sizes: readonly number[]): number[] {
  const offsets = [0]
  for (const size of sizes) offsets.push(offsets.at(-1)! + size)
  return offsets
}

/** The pieces of weights that a range of the vector consists of. */
export function partsOf(sizes: readonly number[], { begin, end }: Range): Part[] {
  const offsets = offsetsOf(sizes)
  return sizes.flatMap((size, weight) => {
    const from = Math.max(begin - offsets[weight]!, 0)
    const to = Math.min(end - offsets[weight]!, size)
    return from < to ? [{ weight, begin: from, end: to }] : []
  })
}

/** Every weight, whole. */
export function wholeParts(sizes: readonly number[]): Part[] {
  return sizes.map((size, weight) => ({ weight, begin: 0, end: size }))
}
