/** Attention split by queries over threads: which queries make up a share of the work, and the boundaries of each part. */
import type { AttentionAttributes } from './attributes.ts'

/** The most queries, or keys, that a segment has. */
export const longestOf = (cu: Int32Array): number =>
  cu.reduce((most, end, i) => (i === 0 ? 0 : Math.max(most, end - cu[i - 1]!)), 0)

type Boundaries = Pick<AttentionAttributes, 'cuQ' | 'cuK' | 'causal'>

/** Keys that query t of a segment of `queries` sees among its `keys`; sliding windows count as if they saw all. */
const seenBy = (t: number, queries: number, keys: number, causal: boolean): number =>
  causal ? Math.max(0, keys - (queries - 1 - t)) : keys

/**
 * Pairs of query and key in all, and for a share of them (0 .. 1) the first query that lies beyond it.
 */
export function workOf({ cuQ, cuK, causal }: Boundaries): { pairs: number; queriesFor: (share: number) => number } {
  const before = new Float64Array(cuQ[cuQ.length - 1]! + 1)
  for (let s = 0; s + 1 < cuQ.length; s++) {
    const [begin, end] = [cuQ[s]!, cuQ[s + 1]!]
    const keys = cuK[s + 1]! - cuK[s]!
    for (let t = begin; t < end; t++) before[t + 1] = before[t]! + seenBy(t - begin, end - begin, keys, causal)
  }
  const pairs = before[before.length - 1]!
  return {
    pairs,
    queriesFor: (share) => (share >= 1 ? before.length - 1 : before.findIndex((sum) => sum >= share * pairs)),
  }
}

/**
 * The boundaries of queries from .. to - 1 alone, with offsets in the same q and k. The first and the last may lie inside a
 * segment: the segment then ends at the last, and, if causal, so do its keys.
 */
export function partOfQueries({ cuQ, cuK, causal }: Boundaries, from: number, to: number): Pick<Boundaries, 'cuQ' | 'cuK'> {
  const queries = [from]
  const keys: number[] = []
  for (let s = 0; s + 1 < cuQ.length; s++) {
    const [begin, end] = [cuQ[s]!, cuQ[s + 1]!]
    if (end <= from || begin >= to) continue
    if (keys.length === 0) keys.push(cuK[s]!)
    const cut = Math.max(0, end - to)
    queries.push(Math.min(end, to))
    keys.push(causal ? Math.max(cuK[s]!, cuK[s + 1]! - cut) : cuK[s + 1]!)
  }
  if (keys.length === 0) keys.push(0)
  return { cuQ: Int32Array.from(queries), cuK: Int32Array.from(keys) }
}
