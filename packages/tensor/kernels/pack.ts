/**
 * Packing: a matrix rewritten as panels 8 columns wide, [columns / 8][depth][8], the order in which a tile reads its right side.
 * Columns beyond the matrix are zero. Sequential reads in the inner loop are worth far more than the copy costs.
 *
 * The panels are floats. The matrix may hold 16-bit floats, T, which are widened while packing, so only half the bytes are read.
 */
import { four, one } from './elements'

/** Bytes of the panels of a [depth, columns] matrix. */
// @ts-ignore: decorator
@inline
export function panelBytes(depth: i32, columns: i32): usize {
  return <usize>(depth * ((columns + 7) & ~7)) << 2
}

/** From rows: element (k, n) is the n-th of row k, and rows are `stride` bytes apart. */
export function packRows<T>(source: usize, stride: usize, depth: i32, columns: i32, to: usize): void {
  const panel = <usize>depth << 5
  let n = 0
  // Two panels at a time, a whole cache line: with strides of 4 KiB all rows share a set, and half a line would be fetched twice.
  for (; n + 16 <= columns; n += 16) {
    let from = source + <usize>n * sizeof<T>()
    for (let k = 0; k < depth; k++) {
      v128.store(to, four<T>(from))
      v128.store(to, four<T>(from + 4 * sizeof<T>()), 16)
      v128.store(to + panel, four<T>(from + 8 * sizeof<T>()))
      v128.store(to + panel, four<T>(from + 12 * sizeof<T>()), 16)
      from += stride
      to += 32
    }
    to += panel
  }
  for (; n < columns; n += 8) {
    packPanel<T>(source + <usize>n * sizeof<T>(), stride, depth, min(8, columns - n), to)
    to += panel
  }
}

/** One panel of at most 8 columns. */
function packPanel<T>(source: usize, stride: usize, depth: i32, columns: i32, to: usize): void {
  for (let k = 0; k < depth; k++) {
    if (columns === 8) {
      v128.store(to, four<T>(source))
      v128.store(to, four<T>(source + 4 * sizeof<T>()), 16)
    } else {
      v128.store(to, f32x4.splat(0))
      v128.store(to, f32x4.splat(0), 16)
      for (let j = 0; j < columns; j++) store<f32>(to + (<usize>j << 2), one<T>(source + <usize>j * sizeof<T>()))
    }
    source += stride
    to += 32
  }
}

/** From columns: element (k, n) is the k-th of column n, and columns are `stride` bytes apart. */
export function packColumns<T>(source: usize, stride: usize, depth: i32, columns: i32, to: usize): void {
  let n = 0
  for (; n + 8 <= columns; n += 8) {
    transposeFour<T>(source, stride, depth, to, 32)
    transposeFour<T>(source + 4 * stride, stride, depth, to + 16, 32)
    source += 8 * stride
    to += <usize>depth << 5
  }
  if (n < columns) scatterColumns<T>(source, stride, depth, columns - n, to, 32)
}

/** A panel that is not full, `step` bytes a k: zeros, and the columns that there are. */
export function scatterColumns<T>(source: usize, stride: usize, depth: i32, columns: i32, to: usize, step: usize): void {
  memory.fill(to, 0, <usize>depth * step)
  for (let n = 0; n < columns; n++) {
    let at = to + (<usize>n << 2)
    for (let k = 0; k < depth; k++) {
      store<f32>(at, one<T>(source + <usize>k * sizeof<T>()))
      at += step
    }
    source += stride
  }
}

/** Four rows of `depth` become columns, `step` bytes apart: 4 x 4 blocks, transposed in registers. */
export function transposeFour<T>(source: usize, stride: usize, depth: i32, to: usize, step: usize): void {
  let s0 = source
  let s1 = s0 + stride
  let s2 = s1 + stride
  let s3 = s2 + stride
  let k = 0
  for (; k + 4 <= depth; k += 4) {
    const r0 = four<T>(s0)
    const r1 = four<T>(s1)
    const r2 = four<T>(s2)
    const r3 = four<T>(s3)
    const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5)
    const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5)
    const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7)
    const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7)
    v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5))
    v128.store(to + step, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7))
    v128.store(to + 2 * step, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5))
    v128.store(to + 3 * step, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7))
    s0 += 4 * sizeof<T>()
    s1 += 4 * sizeof<T>()
    s2 += 4 * sizeof<T>()
    s3 += 4 * sizeof<T>()
    to += 4 * step
  }
  for (; k < depth; k++) {
    store<f32>(to, one<T>(s0))
    store<f32>(to, one<T>(s1), 4)
    store<f32>(to, one<T>(s2), 8)
    store<f32>(to, one<T>(s3), 12)
    s0 += sizeof<T>()
    s1 += sizeof<T>()
    s2 += sizeof<T>()
    s3 += sizeof<T>()
    to += step
  }
}
