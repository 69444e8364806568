/**
 * dq, dk, dv of attention, from q, k, v, o, dO and the log-sum-exp of every row.
 *
 *   p = exp(scale q kᵀ - lse)   dv = pᵀ dO   ds = p * (dO vᵀ - dO.o)   dq = scale ds k   dk = scale dsᵀ q
 */
import {
  addressesAt, clearFrom, factorsAt, fourRowsTimesPanels, headerBytes, keysHidden, keysSeen, roundUp8, rowAddress, sixRowsTimesPanels,
  storeRowAddresses, storeScaled, tallRows, tileAt, weightsTimesPanels,
} from './attention-parts'
import { dot } from './dots'
import { packColumns, packRows, panelBytes } from './pack'
import { exp4 } from './simd'
import { tileOfColumns } from './tile'
import { wideTileOfColumns } from './wide-tile'

/** Rows per block: enough that adding to dk and dv is cheap, few enough that their scores stay in the L2 cache. */
// @ts-ignore: decorator
@inline
function blockRowsFor(keys: i32): i32 {
  return keys <= 256 ? 64 : keys <= 1024 ? 32 : 16
}

/** That a tile may write past the rows of a block. */
const moreRows = 2

/** Bytes of scratch, where `keys` is the most that any segment has. */
export function attentionGradScratch(keys: i32, E: i32): i32 {
  // A smaller segment may take more rows per block: 64 of 256 keys, 32 of 1024.
  const scores = min(64 * roundUp8(keys), max(blockRowsFor(keys) * roundUp8(keys), 32 * 1024)) + moreRows * roundUp8(keys)
  const panels = 2 * panelBytes(E, keys) + panelBytes(keys, E) + 2 * panelBytes(64, E)
  return <i32>(headerBytes + 2 * (<usize>scores << 2) + panels + 2 * panelBytes(roundUp8(keys), E))
}

/** For the key heads kv0 .. kv1 - 1. Keys that no segment has, up to Tk, get zeros with the first head. */
export function attentionGrad(
  q: usize, k: usize, v: usize, o: usize, lse: usize, dO: usize, dq: usize, dk: usize, dv: usize,
  cuQ: usize, cuK: usize, segments: i32, Tk: i32, H: i32, K: i32, E: i32, causal: boolean, window: i32, scale: f32, scratch: usize,
  kv0: i32, kv1: i32,
): void {
  const headBytes = <usize>E << 2
  const group = H / K
  memory.fill(scratch, 0, 32)
  for (let s = 0; s < segments; s++) {
    const q0 = load<i32>(cuQ + (<usize>s << 2))
    const k0 = load<i32>(cuK + (<usize>s << 2))
    const queries = load<i32>(cuQ + (<usize>s << 2), 4) - q0
    const keys = load<i32>(cuK + (<usize>s << 2), 4) - k0
    for (let kv = kv0; kv < kv1; kv++) {
      const first = q0 * H + kv * group
      const query = <usize>first * headBytes
      const key = <usize>(k0 * K + kv) * headBytes
      gradientOfGroup(
        q + query, k + key, v + key, o + query, lse + (<usize>first << 2), dO + query, dq + query, dk + key, dv + key,
        queries, keys, group, H, K, E, causal, window, scale, scratch,
      )
    }
  }
  if (kv0 > 0) return
  const used = <usize>load<i32>(cuK + (<usize>segments << 2)) * <usize>K * headBytes
  const all = <usize>Tk * <usize>K * headBytes
  memory.fill(dk + used, 0, all - used)
  memory.fill(dv + used, 0, all - used)
}

function gradientOfGroup(
  q: usize, k: usize, v: usize, o: usize, lse: usize, dO: usize, dq: usize, dk: usize, dv: usize,
  queries: i32, keys: i32, group: i32, H: i32, K: i32, E: i32, causal: boolean, window: i32, scale: f32, scratch: usize,
): void {
  const headBytes = <usize>E << 2
  const stride = <usize>K * headBytes
  const rowBytes = <usize>roundUp8(keys) << 2
  const sumBytes = panelBytes(roundUp8(keys), E)
  const sumStride = panelBytes(1, E)
  const blockRows = blockRowsFor(keys)
  const zeros = scratch
  const tile = scratch + tileAt
  const addresses = scratch + addressesAt
  const factors = scratch + factorsAt
  const keyPanels = scratch + headerBytes // kᵀ, [keys / 8][E][8]
  const valuePanels = keyPanels + panelBytes(E, keys) // vᵀ
  const keyRows = valuePanels + panelBytes(E, keys) // k, [E / 8][keys][8]
  const queryRows = keyRows + panelBytes(keys, E) // a block of q, [E / 8][rows][8]
  const outRows = queryRows + panelBytes(64, E) // a block of dO
  const sumK = outRows + panelBytes(64, E) // dk / scale, [keys][E], both rounded up to 8
  const sumV = sumK + sumBytes
  const p = sumV + sumBytes // [rows][keys]
  const ds = p + <usize>(blockRows + moreRows) * rowBytes
  v128.store(factors, f32x4.splat(scale))
  v128.store(factors, f32x4.splat(scale), 16)
  packColumns<f32>(k, stride, E, keys, keyPanels)
  packColumns<f32>(v, stride, E, keys, valuePanels)
  packRows<f32>(k, stride, keys, E, keyRows)
  memory.fill(sumK, 0, 2 * sumBytes)

  const rows = queries * group
  for (let b0 = 0; b0 < rows; b0 += blockRows) {
    const height = min(blockRows, rows - b0)
    const seenByBlock = keysSeen(b0 + height - 1, group, queries, keys, causal)
    const blockStart = keysHidden(b0, group, queries, keys, causal, window) & ~7
    packGroup(q, b0, height, group, H, E, queryRows)
    packGroup(dO, b0, height, group, H, E, outRows)
    for (let i = 0; i < height; i += tallRows) {
      const r0 = b0 + i
      const count = min(tallRows, height - i)
      const seen = keysSeen(r0 + count - 1, group, queries, keys, causal)
      // Panels hold eight keys: the first that matters may hold some before the window.
      const start = keysHidden(r0, group, queries, keys, causal, window) & ~7
      const skipped = <usize>start * headBytes
      const at = <usize>i * rowBytes + (<usize>start << 2)
      if (count > 4) {
        sixRowsTimesPanels(q, r0, rows, group, H, headBytes, keyPanels + skipped, E, seen - start, p + at, rowBytes)
        sixRowsTimesPanels(dO, r0, rows, group, H, headBytes, valuePanels + skipped, E, seen - start, ds + at, rowBytes)
      } else {
        fourRowsTimesPanels(q, r0, rows, group, H, headBytes, keyPanels + skipped, E, seen - start, zeros, p + at, rowBytes)
        fourRowsTimesPanels(dO, r0, rows, group, H, headBytes, valuePanels + skipped, E, seen - start, zeros, ds + at, rowBytes)
      }
      for (let r = r0; r < r0 + count; r++) {
        const row = <usize>(r - b0) * rowBytes
        const delta = dot(rowAddress(dO, r, group, H, headBytes), rowAddress(o, r, group, H, headBytes), E)
        const seenByRow = keysSeen(r, group, queries, keys, causal)
        const from = <usize>start << 2
        probabilities(p + row + from, ds + row + from, seenByRow - start, scale, load<f32>(rowAddress(lse, r, group, H, 4)), delta)
        const hidden = keysHidden(r, group, queries, keys, causal, window)
        clearFrom(p + row, blockStart, hidden)
        clearFrom(ds + row, blockStart, hidden)
        clearFrom(p + row, seenByRow, roundUp8(seenByBlock))
        clearFrom(ds + row, seenByRow, roundUp8(seenByBlock))
      }
      storeRowAddresses(addresses, dq, r0, count, group, H, headBytes)
      const panel = keyRows + (<usize>start << 5)
      weightsTimesPanels(ds + at, rowBytes, panel, <usize>keys << 5, seen - start, E, zeros, tile, addresses, factors, count)
    }
    const before = <usize>blockStart << 2
    const sumsBefore = <usize>blockStart * sumStride
    addProduct(p + before, rowBytes, seenByBlock - blockStart, outRows, height, E, sumV + sumsBefore, sumStride)
    addProduct(ds + before, rowBytes, seenByBlock - blockStart, queryRows, height, E, sumK + sumsBefore, sumStride)
  }
  for (let j = 0; j < keys; j++) {
    storeScaled(sumK + <usize>j * sumStride, E, scale, dk + <usize>j * stride)
    storeScaled(sumV + <usize>j * sumStride, E, 1, dv + <usize>j * stride)
  }
}

/** In place: scores -> p, and dO vᵀ -> ds. Writes whole groups of eight, past `seen` too. */
function probabilities(p: usize, ds: usize, seen: i32, scale: f32, lse: f32, delta: f32): void {
  const factor = f32x4.splat(scale)
  const shift = f32x4.splat(lse)
  const less = f32x4.splat(delta)
  const end = p + (<usize>seen << 2)
  for (; p < end; p += 32) {
    const low = exp4(f32x4.sub(f32x4.mul(factor, v128.load(p)), shift))
    const high = exp4(f32x4.sub(f32x4.mul(factor, v128.load(p, 16)), shift))
    v128.store(p, low)
    v128.store(p, high, 16)
    v128.store(ds, f32x4.mul(low, f32x4.sub(v128.load(ds), less)))
    v128.store(ds, f32x4.mul(high, f32x4.sub(v128.load(ds, 16), less)), 16)
    ds += 32
  }
}

/** sum [keys, E] += aᵀ b, with a [rows][keys] as it lies and b in panels [E / 8][rows][8]. */
function addProduct(a: usize, rowBytes: usize, keys: i32, b: usize, rows: i32, E: i32, sum: usize, sumStride: usize): void {
  for (let j = 0; j < keys; j += 4) {
    const column = a + (<usize>j << 2)
    let to = sum + <usize>j * sumStride
    let panel = b
    let e = 0
    if (WIDE) {
      for (; e + 8 < E; e += 16) {
        wideTileOfColumns(column, rowBytes, panel, <usize>rows << 5, rows, to, sumStride)
        to += 64
        panel += <usize>rows << 6
      }
    }
    for (; e < E; e += 8) {
      tileOfColumns(column, rowBytes, panel, 32, rows, to, sumStride, to, sumStride)
      to += 32
      panel += <usize>rows << 5
    }
  }
}

/** Rows b0 .. b0 + count of a group as panels [E / 8][count][8]. */
function packGroup(base: usize, b0: i32, count: i32, group: i32, H: i32, E: i32, to: usize): void {
  if (E & 7) memory.fill(to, 0, panelBytes(count, E))
  for (let r = 0; r < count; r++) {
    const row = rowAddress(base, b0 + r, group, H, <usize>E << 2)
    let at = to + (<usize>r << 5)
    let e = 0
    // Not memory.copy: a call for 32 bytes costs more than they do.
    for (; e + 8 <= E; e += 8) {
      v128.store(at, v128.load(row + (<usize>e << 2)))
      v128.store(at, v128.load(row + (<usize>e << 2), 16), 16)
      at += <usize>count << 5
    }
    for (; e < E; e++) {
      store<f32>(at, load<f32>(row + (<usize>e << 2)))
      at += 4
    }
  }
}
