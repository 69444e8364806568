/**
 * Packing the left side of a product: panels as high as a tile, [rows / tileRows][depth][tileRows]. Rows beyond the matrix are zero.
 */
import { scatterColumns, transposeFour } from './pack'

/** Rows of the tile that products are made of: tile.ts, or tall-tile.ts where multiplication and addition are one instruction. */
export const tileRows = ASC_FEATURE_RELAXED_SIMD ? 6 : 4
/** Bytes of a panel for each k. */
const step: usize = tileRows << 2

/** From rows: element (m, k) lies at source + m * stride + 4k. */
export function packLeftRows(source: usize, stride: usize, depth: i32, rows: i32, to: usize): void {
  let m = 0
  for (; m + tileRows <= rows; m += tileRows) {
    transposeFour<f32>(source, stride, depth, to, step)
    if (tileRows === 6) transposeTwo(source + 4 * stride, stride, depth, to + 16)
    source += tileRows * stride
    to += <usize>depth * step
  }
  if (m < rows) scatterColumns<f32>(source, stride, depth, rows - m, to, step)
}

/** From columns: element (m, k) lies at source + k * stride + 4m. */
export function packLeftColumns(source: usize, stride: usize, depth: i32, rows: i32, to: usize): void {
  const panel = <usize>depth * step
  let m = 0
  // Four panels at a time, whole cache lines, for the reason given at packRows.
  for (; m + 4 * tileRows <= rows; m += 4 * tileRows) {
    let from = source + (<usize>m << 2)
    for (let k = 0; k < depth; k++) {
      copyTileRow(from, to)
      copyTileRow(from + step, to + panel)
      copyTileRow(from + 2 * step, to + 2 * panel)
      copyTileRow(from + 3 * step, to + 3 * panel)
      from += stride
      to += step
    }
    to += 3 * panel
  }
  for (; m < rows; m += tileRows) {
    let from = source + (<usize>m << 2)
    const height = min(tileRows, rows - m)
    for (let k = 0; k < depth; k++) {
      if (height === tileRows) {
        copyTileRow(from, to)
      } else {
        memory.fill(to, 0, step)
        for (let i = 0; i < height; i++) store<f32>(to + (<usize>i << 2), load<f32>(from + (<usize>i << 2)))
      }
      from += stride
      to += step
    }
  }
}

// @ts-ignore: decorator
@inline
function copyTileRow(from: usize, to: usize): void {
  v128.store(to, v128.load(from))
  if (tileRows === 6) store<u64>(to, load<u64>(from, 16), 16)
}

/** The same as transposeFour, for the last two of six rows. */
function transposeTwo(source: usize, stride: usize, depth: i32, to: usize): void {
  let k = 0
  for (; k + 4 <= depth; k += 4) {
    const first = v128.load(source)
    const second = v128.load(source + stride)
    const low = v128.shuffle<f32>(first, second, 0, 4, 1, 5)
    const high = v128.shuffle<f32>(first, second, 2, 6, 3, 7)
    v128.store64_lane(to, low, 0)
    v128.store64_lane(to + step, low, 1)
    v128.store64_lane(to + 2 * step, high, 0)
    v128.store64_lane(to + 3 * step, high, 1)
    source += 16
    to += 4 * step
  }
  for (; k < depth; k++) {
    store<f32>(to, load<f32>(source))
    store<f32>(to, load<f32>(source + stride), 4)
    source += 4
    to += step
  }
}
