/**
 * Shared by attention and its gradient.
 *
 * Both go segment by segment and KV head by KV head. All query heads that read the same KV head are taken together: row r of
 * such a group is query token r / G, head r % G (G = H / K). Keys and values are packed once per group, and rows are processed
 * a few at a time, so that only a few rows of scores are stored at once.
 */
import { exp4, log1, maxOfLanes, sumOfLanes } from './simd'
import { tallTileOfRows } from './tall-tile'
import { tileOfRows } from './tile'
import { wideTallTileOfRows, wideTileOfRows } from './wide-tile'

/** Rows of a tile: six where multiplication and addition are fused (tall-tile.ts). */
export const tallRows = ASC_FEATURE_RELAXED_SIMD ? 6 : 4

/** Scratch begins with zeros, a tile, and the addresses and factors of six rows. */
export const tileAt: usize = 32
export const addressesAt: usize = tileAt + 384
export const factorsAt: usize = addressesAt + 32
export const headerBytes: usize = 512

// @ts-ignore: decorator
@inline
export function roundUp8(n: i32): i32 {
  return (n + 7) & ~7
}

/** Address of row r; `base` is that of row 0. */
// @ts-ignore: decorator
@inline
export function rowAddress(base: usize, r: i32, group: i32, heads: i32, headBytes: usize): usize {
  return base + <usize>((r / group) * heads + (r % group)) * headBytes
}

/** The addresses of a tile's rows: computed once, as each takes a division. */
export function storeRowAddresses(to: usize, base: usize, r0: i32, count: i32, group: i32, heads: i32, headBytes: usize): void {
  for (let i = 0; i < count; i++) store<usize>(to + (<usize>i << 2), rowAddress(base, r0 + i, group, heads, headBytes))
}

/** Keys that row r sees. Causal is aligned bottom-right: the last query sees all. */
// @ts-ignore: decorator
@inline
export function keysSeen(r: i32, group: i32, queries: i32, keys: i32, causal: boolean): i32 {
  return causal ? max(0, keys - (queries - 1 - r / group)) : keys
}

/** The first of the keys that row r sees; the last is before keysSeen(r). Below 2^30 keys nothing overflows. */
// @ts-ignore: decorator
@inline
export function keysHidden(r: i32, group: i32, queries: i32, keys: i32, causal: boolean, window: i32): i32 {
  return causal ? max(0, keys - (queries - 1 - r / group) - window) : 0
}

/** Four rows (r0 .. r0 + 3, the last repeated past `rows`) times panels [columns / 8][depth][8] -> to, row-major. */
export function fourRowsTimesPanels(
  base: usize, r0: i32, rows: i32, group: i32, heads: i32, headBytes: usize,
  panels: usize, depth: i32, columns: i32, zeros: usize, to: usize, toStride: usize,
): void {
  const last = rows - 1
  const a0 = rowAddress(base, r0, group, heads, headBytes)
  const a1 = rowAddress(base, min(r0 + 1, last), group, heads, headBytes)
  const a2 = rowAddress(base, min(r0 + 2, last), group, heads, headBytes)
  const a3 = rowAddress(base, min(r0 + 3, last), group, heads, headBytes)
  const panel = <usize>depth << 5
  let n = 0
  if (WIDE) {
    for (; n + 8 < columns; n += 16) {
      wideTileOfRows(a0, a1, a2, a3, panels, panel, depth, to, toStride)
      panels += 2 * panel
      to += 64
    }
  }
  for (; n < columns; n += 8) {
    tileOfRows(a0, a1, a2, a3, panels, 32, depth, zeros, 0, to, toStride)
    panels += panel
    to += 32
  }
}

/** The same of six rows, in the builds that have tiles of them. */
export function sixRowsTimesPanels(
  base: usize, r0: i32, rows: i32, group: i32, heads: i32, headBytes: usize,
  panels: usize, depth: i32, columns: i32, to: usize, toStride: usize,
): void {
  const last = rows - 1
  const a0 = rowAddress(base, r0, group, heads, headBytes)
  const a1 = rowAddress(base, min(r0 + 1, last), group, heads, headBytes)
  const a2 = rowAddress(base, min(r0 + 2, last), group, heads, headBytes)
  const a3 = rowAddress(base, min(r0 + 3, last), group, heads, headBytes)
  const a4 = rowAddress(base, min(r0 + 4, last), group, heads, headBytes)
  const a5 = rowAddress(base, min(r0 + 5, last), group, heads, headBytes)
  const panel = <usize>depth << 5
  let n = 0
  if (WIDE) {
    for (; n + 8 < columns; n += 16) {
      wideTallTileOfRows(a0, a1, a2, a3, a4, a5, panels, panel, depth, to, toStride)
      panels += 2 * panel
      to += 64
    }
  }
  for (; n < columns; n += 8) {
    tallTileOfRows(a0, a1, a2, a3, a4, a5, panels, depth, to, toStride)
    panels += panel
    to += 32
  }
}

/** Mask scores [from, to) of a row. */
export function hideKeys(row: usize, from: i32, to: i32, scale: f32): void {
  for (let j = from; j < to; j++) store<f32>(row + (<usize>j << 2), scale < 0 ? f32.MAX_VALUE : -f32.MAX_VALUE)
}

/**
 * In place: scores [0, seen) -> exp(scale * score - highest), then zeros up to `padded`, a multiple of 8 within the row.
 * Stores the log-sum-exp and returns 1 / sum; 0 for both where nothing is seen.
 */
export function softmaxRow(scores: usize, seen: i32, padded: i32, scale: f32, lse: usize): f32 {
  const whole = roundUp8(seen)
  const end = scores + (<usize>whole << 2)
  hideKeys(scores, seen, whole, scale)
  const factor = f32x4.splat(scale)
  let most = f32x4.splat(-f32.MAX_VALUE)
  for (let at = scores; at < end; at += 32) {
    most = f32x4.pmax(most, f32x4.pmax(f32x4.mul(factor, v128.load(at)), f32x4.mul(factor, v128.load(at, 16))))
  }
  const highest = maxOfLanes(most)
  const shift = f32x4.splat(highest)
  let sums = f32x4.splat(0)
  // Two vectors at a time share the constants of exp4, which V8 recreates in every iteration.
  for (let at = scores; at < end; at += 32) {
    const low = exp4(f32x4.sub(f32x4.mul(factor, v128.load(at)), shift))
    const high = exp4(f32x4.sub(f32x4.mul(factor, v128.load(at, 16)), shift))
    v128.store(at, low)
    v128.store(at, high, 16)
    sums = f32x4.add(sums, f32x4.add(low, high))
  }
  clearFrom(scores, seen, padded)
  if (seen === 0) {
    store<f32>(lse, 0)
    return 0
  }
  const sum = sumOfLanes(sums)
  store<f32>(lse, highest + log1(sum))
  return 1 / sum
}

/** row[from .. to) = 0. */
export function clearFrom(row: usize, from: i32, to: i32): void {
  if (from < to) memory.fill(row + (<usize>from << 2), 0, <usize>(to - from) << 2)
}

/**
 * Rows of weights, `rowBytes` apart, times panels [E / 8][depth][8], each times its own factor: `height` results [E] at `addresses`. There must be
 * four rows, or six where more than four count. `apart`: bytes from a panel to the next. Scratch: `tile`, 384 bytes.
 */
export function weightsTimesPanels(
  weights: usize, rowBytes: usize, panel: usize, apart: usize, depth: i32, E: i32, zeros: usize, tile: usize,
  addresses: usize, factors: usize, height: i32,
): void {
  const w1 = weights + rowBytes, w2 = w1 + rowBytes, w3 = w2 + rowBytes, w4 = w3 + rowBytes, w5 = w4 + rowBytes
  const isTall = tallRows === 6 && height > 4
  let step = 8
  for (let e = 0; e < E; e += step) {
    // A wide tile takes two panels.
    if (WIDE) step = e + 16 <= E ? 16 : 8
    const tileStride = <usize>step << 2
    if (WIDE && step === 16) {
      if (isTall) wideTallTileOfRows(weights, w1, w2, w3, w4, w5, panel, apart, depth, tile, tileStride)
      else wideTileOfRows(weights, w1, w2, w3, panel, apart, depth, tile, tileStride)
    } else if (isTall) tallTileOfRows(weights, w1, w2, w3, w4, w5, panel, depth, tile, tileStride)
    else tileOfRows(weights, w1, w2, w3, panel, 32, depth, zeros, 0, tile, tileStride)
    for (let i = 0; i < height; i++) {
      const to = load<usize>(addresses + (<usize>i << 2)) + (<usize>e << 2)
      storeScaled(tile + <usize>i * tileStride, min(step, E - e), load<f32>(factors + (<usize>i << 2)), to)
    }
    panel += step === 16 ? 2 * apart : apart
  }
}

/** to = factor * from, `count` floats. */
export function storeScaled(from: usize, count: i32, factor: f32, to: usize): void {
  const four = f32x4.splat(factor)
  if (count === 8) {
    v128.store(to, f32x4.mul(four, v128.load(from)))
    v128.store(to, f32x4.mul(four, v128.load(from, 16)), 16)
    return
  }
  let j = 0
  for (; j + 4 <= count; j += 4) {
    v128.store(to, f32x4.mul(four, v128.load(from)))
    from += 16
    to += 16
  }
  for (; j < count; j++) {
    store<f32>(to, factor * load<f32>(from))
    from += 4
    to += 4
  }
}
