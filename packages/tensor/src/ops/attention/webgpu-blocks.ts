/**
 * Splits the work of attention into blocks, on the host.
 *
 * Tensors larger than one binding are processed in parts of queries and parts of keys. The portion of a segment in one pair of parts
 * is a stretch; it is cut into blocks of rows on either side, one workgroup each (times KV heads).
 */
import type { Cut } from '../../engine/webgpu/cuts.ts'
import type { AttentionAttributes } from './attributes.ts'

interface Stretch {
  /** Tokens, counted from the part's first. */
  queryStart: number
  queries: number
  keyStart: number
  keys: number
  /** Query i of the stretch sees its first `diagonal` + i keys. */
  diagonal: number
}

/** In the order of the segments, including empty ones, whose queries get zeros. */
function stretches({ cuQ, cuK, causal }: AttentionAttributes, q: Cut, k: Cut): Stretch[] {
  return Array.from(cuQ.subarray(1), (queryEnd, s) => {
    const queryStart = Math.max(cuQ[s]!, q.begin)
    const keyStart = Math.max(cuK[s]!, k.begin)
    const queries = Math.max(0, Math.min(queryEnd, q.begin + q.count) - queryStart)
    const keys = Math.max(0, Math.min(cuK[s + 1]!, k.begin + k.count) - keyStart)
    // Bottom-right: the segment's last query sees up to its last key.
    const keysBefore = cuK[s + 1]! - keyStart - (queryEnd - 1 - queryStart)
    return { queryStart: queryStart - q.begin, queries, keyStart: keyStart - k.begin, keys, diagonal: causal ? keysBefore : keys }
  })
}

/** Integers of a block, as the programs read them: start, first row, rows, the other side's start and count, diagonal. */
const blockSize = 6

export interface Blocks {
  list: Int32Array
  count: number
  /** Most keys (or queries) that a block has on its other side. */
  longest: number
}

function blocksOf(
  sides: { start: number; rows: number; otherStart: number; others: number; diagonal: number }[],
  stay: number,
): Blocks {
  const list: number[] = []
  for (const { start, rows, otherStart, others, diagonal } of sides) {
    for (let first = 0; first < rows; first += stay)
      list.push(start, first, Math.min(stay, rows - first), otherStart, others, diagonal)
  }
  const longest = sides.reduce((most, { rows, others }) => (rows > 0 ? Math.max(most, others) : most), 0)
  return { list: Int32Array.from(list), count: list.length / blockSize, longest }
}

/** Rows are queries times the query heads that share a KV head. */
export function queryBlocks(attributes: AttentionAttributes, q: Cut, k: Cut, groupSize: number, stay: number): Blocks {
  const sides = stretches(attributes, q, k).map(({ queryStart, queries, keyStart, keys, diagonal }) => {
    return { start: queryStart, rows: queries * groupSize, otherStart: keyStart, others: keys, diagonal }
  })
  return blocksOf(sides, stay)
}

/** Keys past the last boundary form a stretch that no query sees: zeros are written as their gradients. */
export function keyBlocks(attributes: AttentionAttributes, q: Cut, k: Cut, stay: number): Blocks {
  const sides = stretches(attributes, q, k).map(({ queryStart, queries, keyStart, keys, diagonal }) => {
    return { start: keyStart, rows: keys, otherStart: queryStart, others: queries, diagonal }
  })
  const seen = Math.max(0, attributes.cuK[attributes.cuK.length - 1]! - k.begin)
  sides.push({ start: seen, rows: Math.max(0, k.count - seen), otherStart: 0, others: 0, diagonal: 0 })
  return blocksOf(sides, stay)
}
