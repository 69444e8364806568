/**
 * Packing: a matrix rewritten as panels 8 columns wide, [columns / 8][depth][8], the order in which a tile reads its right side.
 * Columns beyond the matrix are zero. Sequential reads in the inner loop are worth far more than the copy costs.
 */

/** Bytes of the panels of a [depth, columns] matrix. */
// @ts-ignore: decorator
@inline
export function panelBytes(depth: i32, columns: i32): usize {
  return <usize>(depth * ((columns + 7) & ~7)) << 2
}

/** From rows: element (k, n) at source + k * stride + 4n. Strides in bytes. */
export function packRows(source: usize, stride: usize, depth: i32, columns: i32, to: usize): void {
  for (let n = 0; n < columns; n += 8) {
    packPanel(source + (<usize>n << 2), stride, depth, min(8, columns - n), to)
    to += <usize>depth << 5
  }
}

/** One panel of at most 8 columns. */
export function packPanel(source: usize, stride: usize, depth: i32, columns: i32, to: usize): void {
  if (columns === 8) {
    for (let k = 0; k < depth; k++) {
      v128.store(to, v128.load(source))
      v128.store(to, v128.load(source, 16), 16)
      source += stride
      to += 32
    }
    return
  }
  for (let k = 0; k < depth; k++) {
    v128.store(to, f32x4.splat(0))
    v128.store(to, f32x4.splat(0), 16)
    for (let j = 0; j < columns; j++) store<f32>(to + (<usize>j << 2), load<f32>(source + (<usize>j << 2)))
    source += stride
    to += 32
  }
}

/** From columns: element (k, n) at source + n * stride + 4k. */
export function packColumns(source: usize, stride: usize, depth: i32, columns: i32, to: usize): void {
  let n = 0
  for (; n + 8 <= columns; n += 8) {
    packHalf(source, stride, depth, to)
    packHalf(source + 4 * stride, stride, depth, to + 16)
    source += 8 * stride
    to += <usize>depth << 5
  }
  if (n < columns) {
    memory.fill(to, 0, <usize>depth << 5)
    for (; n < columns; n++) {
      for (let k = 0; k < depth; k++) store<f32>(to + (<usize>k << 5), load<f32>(source + (<usize>k << 2)))
      source += stride
      to += 4
    }
  }
}

/** Four columns of a panel: 4 x 4 blocks, transposed in registers. */
function packHalf(source: usize, stride: usize, depth: i32, to: usize): void {
  let s0 = source
  let s1 = s0 + stride
  let s2 = s1 + stride
  let s3 = s2 + stride
  let k = 0
  for (; k + 4 <= depth; k += 4) {
    const r0 = v128.load(s0)
    const r1 = v128.load(s1)
    const r2 = v128.load(s2)
    const r3 = v128.load(s3)
    const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5)
    const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5)
    const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7)
    const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7)
    v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5))
    v128.store(to, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7), 32)
    v128.store(to, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5), 64)
    v128.store(to, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7), 96)
    s0 += 16
    s1 += 16
    s2 += 16
    s3 += 16
    to += 128
  }
  for (; k < depth; k++) {
    store<f32>(to, load<f32>(s0))
    store<f32>(to, load<f32>(s1), 4)
    store<f32>(to, load<f32>(s2), 8)
    store<f32>(to, load<f32>(s3), 12)
    s0 += 4
    s1 += 4
    s2 += 4
    s3 += 4
    to += 32
  }
}
