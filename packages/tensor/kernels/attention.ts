/** o = softmax(scale q kᵀ) v and the log-sum-exp of every row. Shapes and rules: src/ops/attention/index.ts. */
import {
  addressesAt, clearFrom, factorsAt, fourRowsTimesPanels, headerBytes, hideKeys, keysHidden, keysSeen, roundUp8, rowAddress, sixRowsTimesPanels,
  softmaxRow, storeRowAddresses, tallRows, tileAt, weightsTimesPanels,
} from './attention-parts'
import { attendFew, fewScratch } from './attention-few'
import { packColumns, packRows, panelBytes } from './pack'

/** With at most this many rows of a key head (decoding), keys and values are read in place, without packing. */
const fewRows = 12

/** Bytes of scratch, where `keys` is the most that any segment has, and `rows` the most of all heads of a segment of few rows. */
export function attentionScratch(keys: i32, E: i32, rows: i32): i32 {
  const blocks = headerBytes + <usize>(tallRows * roundUp8(keys) * 4) + panelBytes(E, keys) + panelBytes(keys, E)
  return <i32>max(blocks, 256 + fewScratch(keys, rows))
}

/**
 * For the query heads h0 .. h1 - 1; where a segment has more than few rows, these are whole groups. `parts` > 1: only that `part` of the keys of
 * a single segment of few rows, all of which see the keys of the other parts before theirs.
 */
export function attention(
  q: usize, k: usize, v: usize, o: usize, lse: usize, cuQ: usize, cuK: usize, segments: i32,
  H: i32, K: i32, E: i32, causal: boolean, window: i32, scale: f32, scratch: usize, h0: i32, h1: i32, part: i32, parts: i32,
): void {
  const headBytes = <usize>E << 2
  const group = H / K
  memory.fill(scratch, 0, 32)
  for (let s = 0; s < segments; s++) {
    const q0 = load<i32>(cuQ + (<usize>s << 2))
    let k0 = load<i32>(cuK + (<usize>s << 2))
    const queries = load<i32>(cuQ + (<usize>s << 2), 4) - q0
    let keys = load<i32>(cuK + (<usize>s << 2), 4) - k0
    if (parts > 1) {
      const begin = beginOfPart(part, parts, keys)
      keys = beginOfPart(part + 1, parts, keys) - begin
      k0 += begin
      causal = causal && part + 1 == parts
    }
    if (queries * group <= fewRows) {
      const row = <usize>(q0 * H)
      const column = <usize>(k0 * K) * headBytes
      attendFew(
        q + row * headBytes, k + column, v + column, o + row * headBytes, lse + (row << 2),
        queries, keys, group, H, K, E, causal, window, scale, scratch, h0, h1,
      )
      continue
    }
    for (let kv = h0 / group; kv * group < h1; kv++) {
      const first = q0 * H + kv * group
      const key = k + <usize>(k0 * K + kv) * headBytes
      const value = v + <usize>(k0 * K + kv) * headBytes
      const query = q + <usize>first * headBytes
      const out = o + <usize>first * headBytes
      const stats = lse + (<usize>first << 2)
      attendBlocks(query, key, value, out, stats, queries, keys, group, H, K, E, causal, window, scale, scratch)
    }
  }
}

// @ts-ignore: decorator
@inline
function beginOfPart(part: i32, parts: i32, keys: i32): i32 {
  return <i32>((<i64>part * <i64>keys) / <i64>parts)
}

function attendBlocks(
  q: usize, k: usize, v: usize, o: usize, lse: usize, queries: i32, keys: i32,
  group: i32, H: i32, K: i32, E: i32, causal: boolean, window: i32, scale: f32, scratch: usize,
): void {
  const headBytes = <usize>E << 2
  const stride = <usize>K * headBytes
  const rowBytes = <usize>roundUp8(keys) << 2
  const zeros = scratch
  const tile = scratch + tileAt
  const addresses = scratch + addressesAt
  const inverses = scratch + factorsAt
  const keyPanels = scratch + headerBytes
  const valuePanels = keyPanels + panelBytes(E, keys)
  const scores = valuePanels + panelBytes(keys, E)
  packColumns<f32>(k, stride, E, keys, keyPanels)
  packRows<f32>(v, stride, keys, E, valuePanels)

  // A few rows at a time: their scores stay in the L1 cache between the two products.
  const rows = queries * group
  for (let r0 = 0; r0 < rows; r0 += tallRows) {
    const height = min(tallRows, rows - r0)
    const seen = keysSeen(r0 + height - 1, group, queries, keys, causal)
    // Panels hold eight keys: the first that matters may hold some before the window.
    const start = keysHidden(r0, group, queries, keys, causal, window) & ~7
    const panels = keyPanels + <usize>start * headBytes
    if (height > 4) sixRowsTimesPanels(q, r0, rows, group, H, headBytes, panels, E, seen - start, scores, rowBytes)
    else fourRowsTimesPanels(q, r0, rows, group, H, headBytes, panels, E, seen - start, zeros, scores, rowBytes)
    for (let i = 0; i < height; i++) {
      const r = r0 + i
      const row = scores + <usize>i * rowBytes
      const hidden = keysHidden(r, group, queries, keys, causal, window) - start
      hideKeys(row, 0, hidden, scale)
      const rowSeen = keysSeen(r, group, queries, keys, causal) - start
      const inverse = softmaxRow(row, rowSeen, roundUp8(seen - start), scale, rowAddress(lse, r, group, H, 4))
      clearFrom(row, 0, hidden)
      store<f32>(inverses + (<usize>i << 2), inverse)
    }
    storeRowAddresses(addresses, o, r0, height, group, H, headBytes)
    const panel = valuePanels + (<usize>start << 5)
    weightsTimesPanels(scores, rowBytes, panel, <usize>keys << 5, seen - start, E, zeros, tile, addresses, inverses, height)
  }
}
