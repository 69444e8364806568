/**
 * A compressed matrix as the right side of a product: 8 or 4 bits, one f16 scale per group of columns
 * (src/ops/quantized-linear/quantize.ts), or blocks (blocks.ts). Its description says where it lies and how; panels are packed from what
 * it is widened to.
 */
import { blockRowBytes } from './blocks'
import { packColumns } from './pack'
import { widen } from './widen'
import { widenBlocks } from './widen-blocks'

/** Addresses of values and scales, then width, bits (or the format of blocks), group (0: blocks); and room for what is widened at once. */
const roomAt: usize = 32
/** Rows widened at once for panels of eight columns; and columns widened at once for panels of rows. */
const mostFloats = 8 * 256
export const descriptionBytes: usize = roomAt + 4 * mostFloats

export function describe(at: usize, values: usize, scales: usize, width: i32, bits: i32, group: i32): void {
  store<usize>(at, values)
  store<usize>(at, scales, 4)
  store<i32>(at, width, 8)
  store<i32>(at, bits, 12)
  store<i32>(at, group, 16)
}

/** Columns begin .. end - 1 of `count` rows from `row` on, as floats one after the other. `begin` is a multiple of 32. */
function widenPart(at: usize, row: i32, count: i32, begin: i32, end: i32): void {
  const width = load<i32>(at, 8), bits = load<i32>(at, 12), group = load<i32>(at, 16)
  if (group == 0) {
    const rowBytes = blockRowBytes(bits, width)
    let to = at + roomAt
    for (let i = row; i < row + count; i++) {
      widenBlocks(load<usize>(at) + <usize>i * rowBytes, to, begin, end, bits)
      to += <usize>(end - begin) << 2
    }
    return
  }
  const stride = <usize>((width * bits + 31) >> 5) << 2
  const scaleBytes = <usize>((width + group - 1) / group) << 1
  const values = load<usize>(at) + <usize>row * stride
  widen(values, load<usize>(at, 4) + <usize>row * scaleBytes, at + roomAt, count, begin, end, width, bits, group, stride)
}

/** packColumns (pack.ts) of W: panels of columns n0 .. of its transpose, k0 .. deep. */
export function packCompressedColumns(at: usize, n0: i32, k0: i32, depth: i32, columns: i32, to: usize): void {
  for (let n = 0; n < columns; n += 8) {
    const count = min(8, columns - n)
    widenPart(at, n0 + n, count, k0, k0 + depth)
    packColumns<f32>(at + roomAt, <usize>depth << 2, depth, count, to)
    to += <usize>depth << 5
  }
}

/** packRows of W: rows k0 .. of columns n0 ... */
export function packCompressedRows(at: usize, n0: i32, k0: i32, depth: i32, columns: i32, to: usize): void {
  const panel = <usize>depth << 5
  const row = at + roomAt
  for (let k = 0; k < depth; k++) {
    widenPart(at, k0 + k, 1, n0, n0 + columns)
    let from = row
    let panelAt = to + (<usize>k << 5)
    // Zeros beyond the last column.
    for (let n = columns; n < ((columns + 7) & ~7); n++) store<f32>(row + (<usize>n << 2), 0)
    for (let n = 0; n < columns; n += 8) {
      v128.store(panelAt, v128.load(from))
      v128.store(panelAt, v128.load(from, 16), 16)
      from += 32
      panelAt += panel
    }
  }
}
